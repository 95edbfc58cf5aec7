-- Ends or gives back attempts, each only under the token of the attempt that runs.
-- KEYS[1] executions  cj:{cluster:shard}:executions  hash: id -> record
-- KEYS[2] leases      cj:{cluster:shard}:leases      zset: id -> end of the lease
-- KEYS[3] ready       cj:{cluster:shard}:ready       zset: order and id, score 0
-- KEYS[4] retries     cj:{cluster:shard}:retries     zset: id -> instant of the retry
-- KEYS[5] expiry      cj:{cluster:shard}:expiry      zset: x:id -> end of retention
-- KEYS[6] jobs        cj:{cluster:shard}:jobs        hash: job -> record
-- KEYS[7] triggers    cj:{cluster:shard}:triggers    hash: trigger -> record
-- KEYS[8] due         cj:{cluster:shard}:due         zset: trigger -> due instant
-- ARGV[1] channel_prefix  text, of the channels of lanes
-- ARGV[2] shard           number, the message on them
-- ARGV[3] wake_channel    text
-- ARGV[4...]              for each: id, token, succeeded | failed | cancelled | retry | released, ms (delay of a
--                         retry, else retention), reason, result as JSON text, error as JSON text
-- Returns {SETTLED | REPEATED | LOST...}
-- Cost    O(s log n) for s settlements
-- Called by RedisExecutionStore.settle
--@include lib/codes.lua
--@include lib/server_time.lua
--@include lib/write_many.lua
--@include lib/ready_hints.lua
--@include lib/execution_record.lua
--@include lib/job_retention.lua
--@include lib/awaited_end.lua
local executions, leases, ready, retries, expiry, jobs = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local trigger_keys = { triggers = KEYS[7], due = KEYS[8], expiry = KEYS[5] }
local channel_prefix, shard, wake_channel, arguments = ARGV[1], ARGV[2], ARGV[3], ARGV

local now = server_time()
local now_text = instant_text(now)
local records, ended, retrying, queued, done = new_list(), new_list(), new_list(), new_list(), new_list()
local outcomes, settled, earliest_retry = new_list(), {}, math.huge

-- Attempt, `maxAttempts|firedAt|epoch`, token, worker, startedAt, cancel and the end of the state line.
local RUNNING = '^running|(%d+)|(%d+|%d+|%d+)|([^|]*)|([^|]*)|(%d*)|%d*|[^|]*|([^|]*)|[^\n]*()'

-- Collects what follows for the sets; returns state, reason, result and error of the record.
local function apply(id, lines, is_cancelling, at)
  local kind, ms, reason = arguments[at + 2], tonumber(arguments[at + 3]), arguments[at + 4]
  local result, error_text = arguments[at + 5], arguments[at + 6]
  if is_cancelling and (kind == 'retry' or kind == 'released') then
    kind, reason, ms, error_text = 'cancelled', 'cancelled', job_retention(jobs, job_of(lines)), ''
  end
  if kind == 'retry' then
    earliest_retry = math.min(earliest_retry, now + ms)
    add_pair(retrying, instant_text(now + ms), id)
    return 'retrying', '', result, error_text
  end
  if kind == 'released' then
    local order = order_of(lines)
    add_pair(queued, '0', order .. ' ' .. id)
    hint_lane(order)
    return 'queued', '', result, error_text
  end
  add_pair(ended, instant_text(now + ms), 'x:' .. id)
  end_awaited(trigger_keys, id, lines, now)
  return kind, reason, result, error_text
end

for at = 4, #arguments, 7 do
  local id, token = arguments[at], arguments[at + 1]
  local record = not settled[id] and redis.call('HGET', executions, id) or ''
  local attempt, fixed, held, worker, started_at, cancel, lines_at = string.match(record, RUNNING)
  if held == token then
    settled[id] = token
    local lines = string.sub(record, lines_at)
    local state, reason, result, error_text = apply(id, lines, cancel ~= '', at)
    local finished_at = (state == 'queued' or state == 'retrying') and '' or now_text
    if state == 'queued' then
      attempt, worker, started_at = attempt - 1, '', ''
    end
    add_pair(records, id, state .. '|' .. attempt .. '|' .. fixed .. '||' .. worker .. '|' .. started_at .. '|' .. finished_at
      .. '|' .. reason .. '|' .. cancel .. '|' .. token .. with_outcome(lines, result, error_text))
    add(done, id)
    add(outcomes, SETTLED)
  else
    local settled_by = settled[id] or string.match(record, '^[^\n]*|([^\n]*)\n')
    add(outcomes, settled_by == token and REPEATED or LOST)
  end
end

local first_retry = tonumber(redis.call('ZRANGE', retries, 0, 0, 'WITHSCORES')[2] or math.huge)
write_many('HSET', executions, records)
write_many('ZADD', retries, retrying)
write_many('ZADD', ready, queued)
write_many('ZADD', expiry, ended)
write_awaited(trigger_keys, wake_channel)
write_many('ZREM', leases, done)
publish_hints(channel_prefix, shard)
if earliest_retry < first_retry then
  redis.call('PUBLISH', wake_channel, '')
end
return outcomes
