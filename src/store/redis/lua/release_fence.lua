-- Notes that the term with this epoch is over: the fence names no member any more.
-- KEYS[1] fence  cj:{cluster:shard}:fence  hash: epoch, member, sealedAt
-- ARGV[1] epoch  number
-- Returns {OK}, {FENCED, fence}
-- Cost    O(1)
-- Called by RedisExecutionStore.releaseFence
--@include lib/codes.lua
--@include lib/fence.lua
local fence_key = KEYS[1]
local epoch = tonumber(ARGV[1])

local refusal = refuse_stale_epoch(fence_key, epoch)
if refusal then
  return refusal
end
redis.call('HSET', fence_key, 'member', '')
return { OK }
