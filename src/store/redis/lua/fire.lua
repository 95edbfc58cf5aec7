-- Applies the leader's decisions about triggers, each as a whole or not at all: queued, skipped and missed
-- records, the new watermark and the next due instant.
-- KEYS[1] fence       cj:{cluster:shard}:fence       hash: epoch, member, sealedAt, commits
-- KEYS[2] jobs        cj:{cluster:shard}:jobs        hash: job -> record
-- KEYS[3] triggers    cj:{cluster:shard}:triggers    hash: trigger -> record
-- KEYS[4] due         cj:{cluster:shard}:due         zset: trigger -> due instant
-- KEYS[5] executions  cj:{cluster:shard}:executions  hash: id -> record
-- KEYS[6] ready       cj:{cluster:shard}:ready       zset: order and id, score 0
-- KEYS[7] history     cj:{cluster:shard}:history     zset: job/id, score 0
-- KEYS[8] expiry      cj:{cluster:shard}:expiry      zset: x:id or t:trigger -> end of retention
-- ARGV[1] epoch           number
-- ARGV[2] channel_prefix  text, of the channels of lanes
-- ARGV[3] shard           number, the message on them
-- ARGV[4] finished_ms     how long a trigger without a further fire is kept
-- ARGV[5] job_count       number of jobs: for each key, expected version
-- ARGV[6] decision_count  number of decisions: first the keys of all triggers, then for each the nine below
-- ARGV[7] record_count    number of records of all decisions: first all ids, then for each the three below
-- ARGV[8...]              jobs, decisions, records:
--   decision: number of its job, `version|watermark|` expected, the same with the new watermark, due instant
--             in ms, next due instant in ms, or w (when the execution has ended) or empty, 1 if overlap is
--             skipped, retention in ms, number of fires, number of missed ranges (which follow its fires)
--   record:   attempts allowed (missed: the reason), order (missed: its due part), lines below the order
-- Returns {OK, FIRED | WAITING | STALE | EARLY, skipped count...}, two for each decision, {FENCED, fence}
-- Cost    O(r log n) for r records
-- Called by RedisExecutionStore.fire
--@include lib/codes.lua
--@include lib/server_time.lua
--@include lib/fence.lua
--@include lib/read_many.lua
--@include lib/fire_writes.lua
--@include lib/awaited_end.lua
local fence_key, jobs, triggers, due = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local executions, ready, history, expiry = KEYS[5], KEYS[6], KEYS[7], KEYS[8]
local arguments, epoch, channel_prefix, shard = ARGV, tonumber(ARGV[1]), ARGV[2], ARGV[3]
local finished_ms, job_count = tonumber(ARGV[4]), tonumber(ARGV[5])
local decision_count, record_count = tonumber(ARGV[6]), tonumber(ARGV[7])

local refusal = refuse_stale_epoch(fence_key, epoch)
if refusal then
  return refusal
end

local jobs_at = 8
local triggers_at = jobs_at + 2 * job_count
local decisions_at = triggers_at + decision_count
local ids_at = decisions_at + 9 * decision_count
local records_at = ids_at + record_count
local now = server_time()
local now_text, finished_until = instant_text(now), instant_text(now + finished_ms)
local fired_part = '|' .. now_text .. '|' .. epoch

-- For each job: whether its version is the expected one, and what missed records say of it.
local job_of_decision = {}
for index = 1, job_count do
  local job, expected = arguments[jobs_at + 2 * index - 2], arguments[jobs_at + 2 * index - 1]
  local version, order_start, attempts =
    string.match(redis.call('HGET', jobs, job) or '', '^(%d+)|%d+|%d+|%d*|%d*|([^|]*)|(%d+)|')
  job_of_decision[index] = { key = job, current = version == expected, order_start = order_start, attempts = attempts }
end

local stored_triggers = read_many(triggers, arguments, triggers_at, decision_count)
local known_records = read_many(executions, arguments, ids_at, record_count)
local identity_at, decided, reply, record_index = #shard + 17, {}, new_list(), 0
add(reply, OK)

local function fire_trigger(index, at, stored)
  local trigger, job = arguments[triggers_at + index - 1], job_of_decision[tonumber(arguments[at])]
  local expected, next_due_at, is_skipping = arguments[at + 1], arguments[at + 4], arguments[at + 5] == '1'
  local retention_ms, fire_count, missed_count =
    tonumber(arguments[at + 6]), tonumber(arguments[at + 7]), tonumber(arguments[at + 8])
  local fired_before, last, packed_at = string.match(stored, '^(%d+)|(%d*)()', #expected + 1)

  -- Whether the last execution runs is asked of its record, never kept as a flag that could be left behind.
  local is_busy, awaits_end, last_id, previous = false, next_due_at == 'w', nil, nil
  if (is_skipping or awaits_end) and fire_count > 0 and last ~= '' then
    last_id = shard .. '-' .. last .. string.sub(arguments[ids_at + record_index], identity_at)
    previous = redis.call('HGET', executions, last_id)
    is_busy = previous and string.find(previous, '^[qr]') ~= nil -- queued, running, retrying
  end
  if awaits_end and is_busy then
    add_pair(records, last_id, awaited_record(previous))
    add(not_due, trigger)
    return WAITING, 0
  end

  local skipped_count, is_queued = 0, false
  for offset = record_index, record_index + fire_count + missed_count - 1 do
    local id, record_at = arguments[ids_at + offset], records_at + 3 * offset
    local attempts, order, lines = arguments[record_at], arguments[record_at + 1], arguments[record_at + 2]
    if known_records[offset + 1] then
      -- A trigger that was deleted and stored again has met a nominal time that it fired before.
    elseif offset >= record_index + fire_count then
      local head, reason = 'missed|0|' .. job.attempts .. fired_part, attempts
      add_ended(job.key, id, head, '||||' .. now_text .. '|' .. reason .. '||', job.order_start .. order .. lines,
        instant_text(now + retention_ms))
    elseif is_busy then
      skipped_count = skipped_count + 1
      add_ended(job.key, id, 'skipped|0|' .. attempts .. fired_part, '||||' .. now_text .. '|overlap||', order .. lines,
        instant_text(now + retention_ms))
    else
      add_queued(job.key, id, 'queued|0|' .. attempts .. fired_part, order, lines)
      last = string.sub(id, identity_at - 15, identity_at - 1)
      is_busy, is_queued = is_skipping, true
    end
  end

  add_pair(trigger_records, trigger, arguments[at + 2] .. (fired_before + fire_count) .. '|' .. last
    .. string.sub(stored, packed_at))
  if awaits_end then
    -- Nothing was queued where an earlier life of the trigger has fired this time: the leader looks again.
    next_due_at = is_queued and next_due_at or now_text
  end
  if next_due_at == 'w' then
    add(not_due, trigger)
  elseif next_due_at ~= '' then
    add_pair(next_due, next_due_at, trigger)
  else
    add(not_due, trigger)
    add_pair(ended, finished_until, 't:' .. trigger)
  end
  return FIRED, skipped_count
end

for index = 1, decision_count do
  local at, trigger = decisions_at + 9 * index - 9, arguments[triggers_at + index - 1]
  local stored, expected = stored_triggers[index], arguments[at + 1]
  local is_current = stored and not decided[trigger] and job_of_decision[tonumber(arguments[at])].current
  if not is_current or string.sub(stored, 1, #expected) ~= expected then
    add_pair(reply, STALE, 0)
  elseif tonumber(arguments[at + 3]) > now then
    add_pair(reply, EARLY, 0)
  else
    decided[trigger] = true
    add_pair(reply, fire_trigger(index, at, stored))
  end
  record_index = record_index + arguments[at + 7] + arguments[at + 8]
end
if trigger_records.count > 0 then
  redis.call('HINCRBY', fence_key, 'commits', 1)
end
write_all(triggers, due, executions, ready, history, expiry)
publish_hints(channel_prefix, shard)
return reply
