-- A list of arguments for one command that counts along: asking a long table for its length is a search.
local function new_list()
  return { count = 0 }
end

-- A reply of Redis as such a list.
local function as_list(reply)
  reply.count = #reply
  return reply
end

local function add(list, argument)
  local count = list.count + 1
  list[count], list.count = argument, count
end

local function add_pair(list, first, second)
  local count = list.count
  list[count + 1], list[count + 2], list.count = first, second, count + 2
end

-- One command with any number of arguments, in pieces that fit the stack.
local function write_many(command, key, list)
  for from = 1, list.count, 4000 do
    redis.call(command, key, unpack(list, from, math.min(from + 3999, list.count)))
  end
end

-- An instant as text, made once where many records share it.
local function instant_text(instant)
  return string.format('%.0f', instant)
end
