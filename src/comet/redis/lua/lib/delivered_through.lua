-- Highest number that any device has acknowledged. The number of devices is limited where they are written.
local function delivered_through(acknowledged)
  local delivered = 0
  for _, value in ipairs(redis.call('HVALS', acknowledged)) do
    delivered = math.max(delivered, tonumber(string.match(value, '^(%d+)')))
  end
  return delivered
end
