-- Deletes backfills that have ended.
-- KEYS[1] fence      cj:{cluster:shard}:fence      hash: epoch, member, sealedAt
-- KEYS[2] backfills  cj:{cluster:shard}:backfills  hash: job/id -> record
-- ARGV[1] epoch   number
-- ARGV[2...]      keys, job/id
-- Returns {OK}, {FENCED, fence}
-- Cost    O(b) for b given backfills
-- Called by RedisBackfillStore.dropBackfills
--@include lib/codes.lua
--@include lib/fence.lua
local fence_key, backfills = KEYS[1], KEYS[2]
local epoch, arguments = tonumber(ARGV[1]), ARGV

local refusal = refuse_stale_epoch(fence_key, epoch)
if refusal then
  return refusal
end
for i = 2, #arguments do
  redis.call('HDEL', backfills, arguments[i])
end
return { OK }
