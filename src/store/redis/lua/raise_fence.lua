-- Raises the fence by one: the source of epochs where there is no ZooKeeper. A repeated call raises it again,
-- which only leaves a number unused.
-- KEYS[1] fence   cj:{cluster:shard}:fence  hash: epoch, member, sealedAt
-- ARGV[1] member  text
-- Returns the new epoch
-- Cost    O(1)
-- Called by RedisExecutionStore.raiseFence
--@include lib/server_time.lua
local fence_key = KEYS[1]
local member = ARGV[1]

local epoch = redis.call('HINCRBY', fence_key, 'epoch', 1)
redis.call('HSET', fence_key, 'member', member, 'sealedAt', server_time())
return epoch
