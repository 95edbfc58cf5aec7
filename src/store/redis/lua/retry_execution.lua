-- Queues a failed execution once more, with one further attempt allowed.
-- KEYS[1] executions  cj:{cluster:shard}:executions  hash: id -> record
-- KEYS[2] ready       cj:{cluster:shard}:ready       zset: order and id, score 0
-- KEYS[3] expiry      cj:{cluster:shard}:expiry      zset: x:id -> end of retention
-- ARGV[1] id              text
-- ARGV[2] channel_prefix  text, of the channels of lanes
-- ARGV[3] shard           number, the message on them
-- Returns {OK, record after the call}, {NOT_FOUND}, {CONFLICT, state}
-- Cost    O(log n)
-- Called by RedisExecutionStore.retryExecution
--@include lib/codes.lua
--@include lib/ready_hints.lua
--@include lib/execution_record.lua
local executions, ready, expiry = KEYS[1], KEYS[2], KEYS[3]
local id, channel_prefix, shard = ARGV[1], ARGV[2], ARGV[3]

local record = redis.call('HGET', executions, id)
if not record then
  return { NOT_FOUND }
end
local fields, lines = open_record(record)
-- Queued with one further attempt, by a worker that had it, and without an error: the answer to this call was lost.
local is_repeated = fields[STATE] == 'queued' and fields[MAX_ATTEMPTS] == tostring(fields[ATTEMPT] + 1)
  and fields[WORKER] ~= '' and without_error(lines) == lines
if is_repeated then
  return { OK, record }
end
if fields[STATE] ~= 'failed' then
  return { CONFLICT, fields[STATE] }
end
local order = order_of(lines)
fields[STATE], fields[MAX_ATTEMPTS] = 'queued', fields[ATTEMPT] + 1
fields[FINISHED_AT], fields[REASON], fields[CANCEL] = '', '', ''
local changed = close_record(fields, without_error(lines))
redis.call('HSET', executions, id, changed)
redis.call('ZADD', ready, 0, order .. ' ' .. id)
redis.call('ZREM', expiry, 'x:' .. id)
hint_lane(order)
publish_hints(channel_prefix, shard)
return { OK, changed }
