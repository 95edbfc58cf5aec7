-- Cancels an execution: at once while it waits; one that runs is marked, and its worker is told when it extends
-- its lease. One that has ended stays as it is.
-- KEYS[1] executions  cj:{cluster:shard}:executions  hash: id -> record
-- KEYS[2] ready       cj:{cluster:shard}:ready       zset: order and id, score 0
-- KEYS[3] retries     cj:{cluster:shard}:retries     zset: id -> instant of the retry
-- KEYS[4] expiry      cj:{cluster:shard}:expiry      zset: x:id -> end of retention
-- ARGV[1] id            text
-- ARGV[2] retention_ms  how long the record is kept
-- Returns {OK, record after the call}, {NOT_FOUND}
-- Cost    O(log n)
-- Called by RedisExecutionStore.cancelExecution
--@include lib/codes.lua
--@include lib/server_time.lua
--@include lib/execution_record.lua
local executions, ready, retries, expiry = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local id, retention_ms = ARGV[1], tonumber(ARGV[2])

local record = redis.call('HGET', executions, id)
if not record then
  return { NOT_FOUND }
end
local fields, lines = open_record(record)
if fields[STATE] == 'running' then
  fields[CANCEL] = '1'
elseif fields[STATE] == 'queued' or fields[STATE] == 'retrying' then
  local now = server_time()
  fields[STATE], fields[FINISHED_AT], fields[REASON] = 'cancelled', now, 'cancelled'
  redis.call('ZADD', expiry, now + retention_ms, 'x:' .. id)
else
  return { OK, record }
end
local changed = close_record(fields, lines)
redis.call('HSET', executions, id, changed)
if fields[STATE] == 'cancelled' then
  redis.call('ZREM', ready, order_of(lines) .. ' ' .. id)
  redis.call('ZREM', retries, id)
end
return { OK, changed }
