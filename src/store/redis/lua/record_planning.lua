-- Notes with what the due instants of a shard were worked out.
-- KEYS[1] fence    cj:{cluster:shard}:fence  hash: epoch, member, sealedAt, plannedWith
-- ARGV[1] epoch    number
-- ARGV[2] planned  text, revision of the calendars and release of the zone data
-- Returns {OK}, {FENCED, fence}
-- Cost    O(1)
-- Called by RedisPlanningStore.recordPlanning
--@include lib/codes.lua
--@include lib/fence.lua
local fence_key = KEYS[1]
local epoch, planned = tonumber(ARGV[1]), ARGV[2]

local refusal = refuse_stale_epoch(fence_key, epoch)
if refusal then
  return refusal
end
redis.call('HSET', fence_key, 'plannedWith', planned)
return { OK }
