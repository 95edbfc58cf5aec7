-- Keeps what a leader has found out about lost writes, for people to see.
-- KEYS[1] fence     cj:{cluster:shard}:fence  hash: epoch, member, sealedAt, rollback
-- ARGV[1] epoch     number
-- ARGV[2] rollback  JSON text
-- Returns {OK}, {FENCED, fence}
-- Cost    O(1)
-- Called by RedisProgressStore.recordRollback
--@include lib/codes.lua
--@include lib/fence.lua
local fence_key = KEYS[1]
local epoch, rollback = tonumber(ARGV[1]), ARGV[2]

local refusal = refuse_stale_epoch(fence_key, epoch)
if refusal then
  return refusal
end
redis.call('HSET', fence_key, 'rollback', rollback)
return { OK }
