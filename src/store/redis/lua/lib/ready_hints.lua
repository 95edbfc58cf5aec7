-- Collects the lanes in which something was queued, and publishes one hint for each: the number of the shard.
local hinted_lanes = {}

-- `order` begins with the lane and a blank.
local function hint_lane(order)
  local lane = string.sub(order, 1, string.find(order, ' ', 1, true) - 1)
  hinted_lanes[lane] = true
end

local function publish_hints(channel_prefix, shard)
  for lane in pairs(hinted_lanes) do
    redis.call('PUBLISH', channel_prefix .. lane, shard)
  end
end
