-- Ends or gives back attempts, each only under the token of the attempt that runs.
-- KEYS[1] executions  cj:{cluster:shard}:executions  hash: id -> record
-- KEYS[2] leases      cj:{cluster:shard}:leases      zset: id -> end of the lease
-- KEYS[3] ready       cj:{cluster:shard}:ready       zset: order and id, score 0
-- KEYS[4] retries     cj:{cluster:shard}:retries     zset: id -> instant of the retry
-- KEYS[5] expiry      cj:{cluster:shard}:expiry      zset: x:id -> end of retention
-- KEYS[6] jobs        cj:{cluster:shard}:jobs        hash: job -> record
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
local executions, leases, ready, retries, expiry, jobs = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local channel_prefix, shard, wake_channel, arguments = ARGV[1], ARGV[2], ARGV[3], ARGV

local now = server_time()
local outcomes, records, ended, retrying, queued, done, settled = {}, {}, {}, {}, {}, {}, {}
local earliest_retry = math.huge

local function add_pair(list, first, second)
  local count = #list
  list[count + 1], list[count + 2] = first, second
end

-- Changes the fields; returns the lines below them.
local function settle(id, fields, lines, at)
  local kind, ms, reason = arguments[at + 2], tonumber(arguments[at + 3]), arguments[at + 4]
  local result, error_text = arguments[at + 5], arguments[at + 6]
  fields[SETTLED_BY], fields[TOKEN] = fields[TOKEN], ''
  if fields[CANCEL] ~= '' and (kind == 'retry' or kind == 'released') then
    kind, reason, ms, error_text = 'cancelled', 'cancelled', job_retention(jobs, job_of(lines)), ''
  end
  if kind == 'retry' then
    fields[STATE] = 'retrying'
    earliest_retry = math.min(earliest_retry, now + ms)
    add_pair(retrying, now + ms, id)
  elseif kind == 'released' then
    local order = order_of(lines)
    fields[STATE], fields[ATTEMPT], fields[WORKER], fields[STARTED_AT] = 'queued', fields[ATTEMPT] - 1, '', ''
    add_pair(queued, 0, order .. ' ' .. id)
    hint_lane(order)
  else
    fields[STATE], fields[FINISHED_AT], fields[REASON] = kind, now, reason
    add_pair(ended, now + ms, 'x:' .. id)
  end
  if result == '' and error_text == '' then
    return lines
  end
  return with_outcome(lines, result ~= '' and result or nil, error_text ~= '' and error_text or nil)
end

for at = 4, #arguments, 7 do
  local id, token = arguments[at], arguments[at + 1]
  local record = not settled[id] and redis.call('HGET', executions, id)
  local fields, lines = open_record(record or '|||||||||||')
  if fields[STATE] == 'running' and fields[TOKEN] == token then
    settled[id] = token
    add_pair(records, id, close_record(fields, settle(id, fields, lines, at)))
    done[#done + 1] = id
    outcomes[#outcomes + 1] = SETTLED
  else
    outcomes[#outcomes + 1] = (settled[id] or fields[SETTLED_BY]) == token and REPEATED or LOST
  end
end

local first_retry = tonumber(redis.call('ZRANGE', retries, 0, 0, 'WITHSCORES')[2] or math.huge)
write_many('HSET', executions, records)
write_many('ZADD', retries, retrying)
write_many('ZADD', ready, queued)
write_many('ZADD', expiry, ended)
write_many('ZREM', leases, done)
publish_hints(channel_prefix, shard)
if earliest_retry < first_retry then
  redis.call('PUBLISH', wake_channel, '')
end
return outcomes
