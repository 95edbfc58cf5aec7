-- Queues the next fires of a backfill and moves its cursor, unless it was cancelled or has moved on.
-- KEYS[1] fence       cj:{cluster:shard}:fence       hash: epoch, member, sealedAt
-- KEYS[2] backfills   cj:{cluster:shard}:backfills   hash: job/id -> record
-- KEYS[3] executions  cj:{cluster:shard}:executions  hash: id -> record
-- KEYS[4] ready       cj:{cluster:shard}:ready       zset: order and id, score 0
-- KEYS[5] history     cj:{cluster:shard}:history     zset: job/id, score 0
-- KEYS[6] expiry      cj:{cluster:shard}:expiry      zset: x:id -> end of retention
-- ARGV[1] epoch            number
-- ARGV[2] channel_prefix   text, of the channels of lanes
-- ARGV[3] shard            number, the message on them
-- ARGV[4] key              text, job/id
-- ARGV[5] expected_cursor  instant in ms
-- ARGV[6] cursor           instant in ms, the new one
-- ARGV[7] overlap          allow | skip | bufferAll
-- ARGV[8] is_last          1 when nothing follows
-- ARGV[9] retention_ms     how long a skipped record is kept
-- ARGV[10...]              for each fire: id, attempts allowed, order, lines below the order
-- Returns {OK, FIRED | WAITING | STALE}, {FENCED, fence}
-- Cost    O(f log n) for f fires
-- Called by RedisBackfillStore.stepBackfill
--@include lib/codes.lua
--@include lib/server_time.lua
--@include lib/fence.lua
--@include lib/fire_writes.lua
--@include lib/backfill_record.lua
local fence_key, backfills, executions, ready, history, expiry = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local epoch, channel_prefix, shard, key = tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4]
local expected_cursor, new_cursor, overlap, is_last = ARGV[5], ARGV[6], ARGV[7], ARGV[8] == '1'
local retention_ms, arguments = tonumber(ARGV[9]), ARGV

local refusal = refuse_stale_epoch(fence_key, epoch)
if refusal then
  return refusal
end
local state, cursor, queued, skipped, last, _, _, request = open_backfill(redis.call('HGET', backfills, key))
if state ~= 'running' or cursor ~= expected_cursor then
  return { OK, STALE }
end
local is_busy = false
if overlap ~= 'allow' and last ~= '' then
  is_busy = string.find(redis.call('HGET', executions, last) or '', '^[qr]') ~= nil -- queued, running, retrying
end
if is_busy and overlap == 'bufferAll' then
  return { OK, WAITING }
end

local now = server_time()
local now_text, kept_until = instant_text(now), instant_text(now + retention_ms)
local job = string.match(key, '^(.*)/[^/]*$')
for i = 10, #arguments, 4 do
  local id, attempts, order, lines = arguments[i], arguments[i + 1], arguments[i + 2], arguments[i + 3]
  local fired = '|0|' .. attempts .. '|' .. now_text .. '|' .. epoch
  if redis.call('HEXISTS', executions, id) == 1 then
    -- An earlier backfill of this id, whose record is gone, has queued it.
  elseif is_busy then
    skipped = skipped + 1
    add_ended(job, id, 'skipped' .. fired, '||||' .. now_text .. '|overlap||', order .. lines, kept_until)
  else
    queued, last = queued + 1, id
    add_queued(job, id, 'queued' .. fired, order, lines)
  end
end
write_all(nil, nil, executions, ready, history, expiry)
redis.call('HSET', backfills, key, (is_last and 'done' or 'running') .. '|' .. new_cursor .. '|' .. queued .. '|' .. skipped
  .. '|' .. last .. '|' .. (is_last and now_text or '') .. '|\n' .. request)
publish_hints(channel_prefix, shard)
return { OK, FIRED }
