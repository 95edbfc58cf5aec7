-- Notes that everything up to a position has reached a device. Only moves forward.
-- KEYS[1] mailbox       cj:{cluster:namespace/user}:mailbox       hash: epoch, top, cut
-- KEYS[2] acknowledged  cj:{cluster:namespace/user}:acknowledged  hash: device -> number, instant
-- ARGV[1] device        text
-- ARGV[2] epoch         text
-- ARGV[3] number        inclusive
-- ARGV[4] max_devices   the one that was silent longest gives way beyond it
-- Returns {code}; code 1 noted, 2 position unknown
-- Cost    O(devices)
-- Called by RedisMailbox.acknowledge
--@include lib/mailbox_time.lua
local mailbox, acknowledged = KEYS[1], KEYS[2]
local device, epoch = ARGV[1], ARGV[2]
local number, max_devices = tonumber(ARGV[3]), tonumber(ARGV[4])

local state = redis.call('HMGET', mailbox, 'epoch', 'top')
if state[1] ~= epoch or number > tonumber(state[2]) then
  return { 2 }
end

local value = redis.call('HGET', acknowledged, device)
local previous = value and tonumber(string.match(value, '^(%d+)')) or 0
redis.call('HSET', acknowledged, device, string.format('%.0f %.0f', math.max(previous, number), server_now()))

if redis.call('HLEN', acknowledged) > max_devices then
  local entries = redis.call('HGETALL', acknowledged)
  local silent, silent_since = nil, math.huge
  for i = 1, #entries, 2 do
    local at = tonumber(string.match(entries[i + 1], ' (%d+)$'))
    if at < silent_since and entries[i] ~= device then
      silent, silent_since = entries[i], at
    end
  end
  redis.call('HDEL', acknowledged, silent)
end
keep_for(acknowledged, redis.call('PTTL', mailbox))
return { 1 }
