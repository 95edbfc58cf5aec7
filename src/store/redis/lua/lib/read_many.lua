-- Values of any number of fields of a hash, in their order; false where there is none. The fields are those of
-- `list`, or `count` of them from `from` on.
local function read_many(key, list, from, count)
  from = from or 1
  count = count or #list
  if count <= 4000 then
    return count == 0 and {} or redis.call('HMGET', key, unpack(list, from, from + count - 1))
  end
  local values = {}
  for piece = from, from + count - 1, 4000 do
    local last = math.min(piece + 3999, from + count - 1)
    for _, value in ipairs(redis.call('HMGET', key, unpack(list, piece, last))) do
      values[#values + 1] = value
    end
  end
  return values
end
