-- Takes back executions whose lease has expired: queued again while attempts are left, else failed; cancelled
-- where that was asked for. The token goes, so that a late word from the worker is refused.
-- KEYS[1] fence       cj:{cluster:shard}:fence       hash: epoch, member, sealedAt
-- KEYS[2] jobs        cj:{cluster:shard}:jobs        hash: job -> record
-- KEYS[3] executions  cj:{cluster:shard}:executions  hash: id -> record
-- KEYS[4] ready       cj:{cluster:shard}:ready       zset: order and id, score 0
-- KEYS[5] leases      cj:{cluster:shard}:leases      zset: id -> end of the lease
-- KEYS[6] expiry      cj:{cluster:shard}:expiry      zset: x:id -> end of retention
-- KEYS[7] triggers    cj:{cluster:shard}:triggers    hash: trigger -> record
-- KEYS[8] due         cj:{cluster:shard}:due         zset: trigger -> due instant
-- ARGV[1] epoch           number
-- ARGV[2] limit           number of executions at most
-- ARGV[3] channel_prefix  text, of the channels of lanes
-- ARGV[4] shard           number, the message on them
-- ARGV[5] lease_error     JSON text
-- ARGV[6] wake_channel    text
-- Returns {OK, requeued, failed, cancelled}, {FENCED, fence}
-- Cost    O(limit log n)
-- Called by RedisExecutionStore.rescueExpired
--@include lib/codes.lua
--@include lib/server_time.lua
--@include lib/fence.lua
--@include lib/read_many.lua
--@include lib/write_many.lua
--@include lib/ready_hints.lua
--@include lib/execution_record.lua
--@include lib/job_retention.lua
--@include lib/awaited_end.lua
local fence_key, jobs, executions, ready, leases, expiry = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local epoch, limit, channel_prefix, shard = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4]
local trigger_keys = { triggers = KEYS[7], due = KEYS[8], expiry = KEYS[6] }
local lease_error, wake_channel = ARGV[5], ARGV[6]

local refusal = refuse_stale_epoch(fence_key, epoch)
if refusal then
  return refusal
end
local now = server_time()
local ids = redis.call('ZRANGEBYSCORE', leases, '-inf', now, 'LIMIT', 0, limit)
local stored = read_many(executions, ids)
local records, members, ended = new_list(), new_list(), new_list()
local now_text = instant_text(now)
local requeued, failed, cancelled = 0, 0, 0
for index, id in ipairs(ids) do
  if stored[index] then
    local fields, lines = open_record(stored[index])
    local succeeded_ms, failed_ms = job_retention(jobs, job_of(lines))
    local kept_ms = nil
    fields[TOKEN] = ''
    if fields[CANCEL] ~= '' then
      cancelled, kept_ms = cancelled + 1, succeeded_ms
      fields[STATE], fields[REASON] = 'cancelled', 'cancelled'
    elseif tonumber(fields[ATTEMPT]) < tonumber(fields[MAX_ATTEMPTS]) then
      requeued = requeued + 1
      fields[STATE] = 'queued'
      lines = with_outcome(lines, '', lease_error)
      local order = order_of(lines)
      add_pair(members, '0', order .. ' ' .. id)
      hint_lane(order)
    else
      failed, kept_ms = failed + 1, failed_ms
      fields[STATE], fields[REASON] = 'failed', 'attempts-used-up'
      lines = with_outcome(lines, '', lease_error)
    end
    if kept_ms then
      fields[FINISHED_AT] = now_text
      add_pair(ended, instant_text(now + kept_ms), 'x:' .. id)
      end_awaited(trigger_keys, id, lines, now)
    end
    add_pair(records, id, close_record(fields, lines))
  end
end
write_many('HSET', executions, records)
write_many('ZADD', ready, members)
write_many('ZADD', expiry, ended)
write_awaited(trigger_keys, wake_channel)
write_many('ZREM', leases, as_list(ids))
publish_hints(channel_prefix, shard)
return { OK, requeued, failed, cancelled }
