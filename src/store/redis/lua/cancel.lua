-- Cancels an execution: at once while it waits; one that runs is marked, and its worker is told when it extends
-- its lease. One that has ended stays as it is.
-- KEYS[1] executions  cj:{cluster:shard}:executions  hash: id -> record
-- KEYS[2] ready       cj:{cluster:shard}:ready       zset: order and id, score 0
-- KEYS[3] retries     cj:{cluster:shard}:retries     zset: id -> instant of the retry
-- KEYS[4] expiry      cj:{cluster:shard}:expiry      zset: x:id -> end of retention
-- KEYS[5] triggers    cj:{cluster:shard}:triggers    hash: trigger -> record
-- KEYS[6] due         cj:{cluster:shard}:due         zset: trigger -> due instant
-- ARGV[1] id            text
-- ARGV[2] retention_ms  how long the record is kept
-- ARGV[3] wake_channel  text
-- Returns {OK, record after the call}, {NOT_FOUND}
-- Cost    O(log n)
-- Called by RedisExecutionStore.cancelExecution
--@include lib/codes.lua
--@include lib/server_time.lua
--@include lib/execution_record.lua
--@include lib/awaited_end.lua
local executions, ready, retries, expiry = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local trigger_keys = { triggers = KEYS[5], due = KEYS[6], expiry = KEYS[4] }
local id, retention_ms, wake_channel = ARGV[1], tonumber(ARGV[2]), ARGV[3]

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
  end_awaited(trigger_keys, id, lines, now)
else
  return { OK, record }
end
local changed = close_record(fields, lines)
redis.call('HSET', executions, id, changed)
write_awaited(trigger_keys, wake_channel)
if fields[STATE] == 'cancelled' then
  redis.call('ZREM', ready, order_of(lines) .. ' ' .. id)
  redis.call('ZREM', retries, id)
end
return { OK, changed }
