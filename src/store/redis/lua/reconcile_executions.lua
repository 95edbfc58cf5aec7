-- Compares one piece of one key with the execution records and makes the keys agree with the records, which are
-- the truth. All in one moment, so that nothing that is under way looks like a fault.
-- KEYS[1] fence       cj:{cluster:shard}:fence       hash: epoch, member, sealedAt
-- KEYS[2] jobs        cj:{cluster:shard}:jobs        hash: job -> record
-- KEYS[3] executions  cj:{cluster:shard}:executions  hash: id -> record
-- KEYS[4] ready       cj:{cluster:shard}:ready       zset: order and id, score 0
-- KEYS[5] leases      cj:{cluster:shard}:leases      zset: id -> end of the lease
-- KEYS[6] retries     cj:{cluster:shard}:retries     zset: id -> instant of the retry
-- KEYS[7] history     cj:{cluster:shard}:history     zset: job/id, score 0
-- KEYS[8] expiry      cj:{cluster:shard}:expiry      zset: x:id -> end of retention
-- ARGV[1] epoch           number, empty = look only
-- ARGV[2] source          executions | ready | leases | retries | history | expiry: the key to go through
-- ARGV[3] cursor          text, 0 = the beginning
-- ARGV[4] count           number of entries to look at, roughly
-- ARGV[5] channel_prefix  text, of the channels of lanes
-- ARGV[6] shard           number, the message on them
-- ARGV[7] lease_ms        lease of an execution that runs without one
-- Returns {OK, next cursor (0 = the end), number of entries seen, {kind, subject...}}, {FENCED, fence}
-- Cost    O(count log n)
-- Called by RedisReconcileStore.reconcile
--@include lib/codes.lua
--@include lib/server_time.lua
--@include lib/fence.lua
--@include lib/ready_hints.lua
--@include lib/execution_record.lua
--@include lib/job_retention.lua
local fence_key, jobs, executions, ready = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local leases, retries, history, expiry = KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local epoch, source, cursor, count = tonumber(ARGV[1]), ARGV[2], ARGV[3], tonumber(ARGV[4])
local channel_prefix, shard, lease_ms = ARGV[5], ARGV[6], tonumber(ARGV[7])

local refusal = epoch and refuse_stale_epoch(fence_key, epoch)
if refusal then
  return refusal
end
local now = server_time()
local repairs = {}

-- Notes a difference; true when it is to be repaired.
local function found(kind, subject)
  repairs[#repairs + 1] = kind
  repairs[#repairs + 1] = subject
  return epoch ~= nil
end

local function drop(key, member, kind)
  if found(kind, member) then
    redis.call('ZREM', key, member)
  end
end

-- The lines below the state line; nil of a damaged record, which is left for people to look at.
local function rest_of(record)
  return record and string.match(record, '^[^\n]*(\n[^|]*|[^|]*|.*)$')
end

local ENDED = { succeeded = true, failed = true, cancelled = true, missed = true, skipped = true }

local function kept_until(record, state, rest)
  local succeeded_ms, failed_ms = job_retention(jobs, job_of(rest))
  local fields = open_record(record)
  return (tonumber(fields[FINISHED_AT]) or now) + (state == 'failed' and failed_ms or succeeded_ms)
end

-- The record is in the set of its state and in no other, and in the history.
local function check(id, record)
  local state = string.match(record, '^[^|]*')
  local is_ended, rest = ENDED[state], rest_of(record)
  if not rest or not is_ended and state ~= 'queued' and state ~= 'running' and state ~= 'retrying' then
    return
  end
  local order = order_of(rest)
  local queue_member, listed_as, kept_as = order .. ' ' .. id, job_of(rest) .. '/' .. id, 'x:' .. id
  local is_ready, lease = redis.call('ZSCORE', ready, queue_member), redis.call('ZSCORE', leases, id)
  local retry, kept = redis.call('ZSCORE', retries, id), redis.call('ZSCORE', expiry, kept_as)

  if not redis.call('ZSCORE', history, listed_as) and found('not-listed', id) then
    redis.call('ZADD', history, 0, listed_as)
  end
  if state == 'queued' and not is_ready and found('queued-not-ready', id) then
    redis.call('ZADD', ready, 0, queue_member)
    hint_lane(order)
  elseif state == 'running' and not lease and found('running-without-lease', id) then
    redis.call('ZADD', leases, now + lease_ms, id)
  elseif state == 'retrying' and not retry and found('retrying-without-retry', id) then
    redis.call('ZADD', retries, now, id)
  elseif is_ended and not kept and found('ended-without-expiry', id) then
    redis.call('ZADD', expiry, kept_until(record, state, rest), kept_as)
  end
  if is_ready and state ~= 'queued' then
    drop(ready, queue_member, 'ready-stale')
  end
  if lease and state ~= 'running' then
    drop(leases, id, 'lease-stale')
  end
  if retry and state ~= 'retrying' then
    drop(retries, id, 'retry-stale')
  end
  if kept and not is_ended then
    drop(expiry, kept_as, 'expiry-stale')
  end
end

-- How the id stands in a member of each set, and what an entry without its record is called.
local SOURCES = {
  ready = { key = ready, pattern = '([^ ]*)$', kind = 'ready-stale' },
  leases = { key = leases, pattern = '^(.*)$', kind = 'lease-stale' },
  retries = { key = retries, pattern = '^(.*)$', kind = 'retry-stale' },
  history = { key = history, pattern = '([^/]*)$', kind = 'listed-stale' },
  expiry = { key = expiry, pattern = '^x:(.*)$', kind = 'expiry-stale' },
}

local step
if source == 'executions' then
  step = redis.call('HSCAN', executions, cursor, 'COUNT', count)
  for i = 1, #step[2], 2 do
    check(step[2][i], step[2][i + 1])
  end
else
  local set = SOURCES[source]
  step = redis.call('ZSCAN', set.key, cursor, 'COUNT', count)
  for i = 1, #step[2], 2 do
    local member = step[2][i]
    local id = string.match(member, set.pattern)
    local record = id and redis.call('HGET', executions, id)
    local rest = rest_of(record)
    local is_displaced = rest
      and (source == 'ready' and member ~= order_of(rest) .. ' ' .. id
        or source == 'history' and member ~= job_of(rest) .. '/' .. id)
    if record and not is_displaced then
      check(id, record)
    elseif id then
      drop(set.key, member, set.kind)
    end
  end
end
publish_hints(channel_prefix, shard)
return { OK, step[1], #step[2] / 2, repairs }
