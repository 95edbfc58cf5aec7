-- Ends a backfill that runs; one that has ended stays as it is.
-- KEYS[1] fence      cj:{cluster:shard}:fence      hash: epoch, member, sealedAt
-- KEYS[2] backfills  cj:{cluster:shard}:backfills  hash: job/id -> record
-- ARGV[1] epoch   number; empty when a caller asks
-- ARGV[2] key     text, job/id
-- ARGV[3] reason  text
-- Returns {OK, record after the call}, {NOT_FOUND}, {FENCED, fence}
-- Cost    O(1)
-- Called by RedisBackfillStore.cancelBackfill, endBackfill
--@include lib/codes.lua
--@include lib/server_time.lua
--@include lib/fence.lua
--@include lib/backfill_record.lua
local fence_key, backfills = KEYS[1], KEYS[2]
local epoch, key, reason = tonumber(ARGV[1]), ARGV[2], ARGV[3]

local refusal = epoch and refuse_stale_epoch(fence_key, epoch)
if refusal then
  return refusal
end
local record = redis.call('HGET', backfills, key)
local state, cursor, queued, skipped, last, _, _, request = open_backfill(record)
if not state then
  return { NOT_FOUND }
end
if state == 'running' then
  record = 'cancelled|' .. cursor .. '|' .. queued .. '|' .. skipped .. '|' .. last .. '|' .. server_time() .. '|' .. reason
    .. '\n' .. request
  redis.call('HSET', backfills, key, record)
end
return { OK, record }
