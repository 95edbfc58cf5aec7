-- One command with any number of arguments, in pieces that fit the stack. `arguments` holds pairs or members.
local function write_many(command, key, arguments)
  for from = 1, #arguments, 4000 do
    redis.call(command, key, unpack(arguments, from, math.min(from + 3999, #arguments)))
  end
end
