-- Raises the fence by one, at least above what the caller knows: the source of epochs where there is no ZooKeeper.
-- A repeated call raises it again, which only leaves a number unused.
-- KEYS[1] fence   cj:{cluster:shard}:fence  hash: epoch, member, sealedAt
-- ARGV[1] member  text
-- ARGV[2] above   number
-- Returns the new epoch
-- Cost    O(1)
-- Called by RedisExecutionStore.raiseFence
--@include lib/server_time.lua
local fence_key = KEYS[1]
local member, above = ARGV[1], tonumber(ARGV[2])

local epoch = math.max(tonumber(redis.call('HGET', fence_key, 'epoch') or 0), above) + 1
redis.call('HSET', fence_key, 'epoch', epoch, 'member', member, 'sealedAt', server_time())
return epoch
