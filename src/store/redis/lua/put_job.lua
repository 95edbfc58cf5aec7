-- Writes a job with some of its triggers in one transition. What is equal to what is stored keeps its version,
-- watermark and due instant. The version of the job grows with any change made here.
-- KEYS[1] jobs           cj:{cluster:shard}:jobs           hash: job -> record
-- KEYS[2] job_names      cj:{cluster:shard}:job-names      zset: job, score 0
-- KEYS[3] triggers       cj:{cluster:shard}:triggers       hash: trigger -> record
-- KEYS[4] trigger_names  cj:{cluster:shard}:trigger-names  hash: job -> number and names of its triggers
-- KEYS[5] due            cj:{cluster:shard}:due            zset: trigger -> due instant
-- KEYS[6] expiry         cj:{cluster:shard}:expiry         zset: t:trigger or x:execution -> end of retention
-- ARGV[1] job            text, namespace/job
-- ARGV[2] expected       version, 0 = only where there is none, empty = any
-- ARGV[3] definition     JSON text
-- ARGV[4] facts          text, the end of the state line
-- ARGV[5] wake_channel   text
-- ARGV[6] if_decided     1 when no trigger that is due may be replaced
-- ARGV[7] remove_count   number of names that follow
-- ARGV[8...]             names of triggers to remove; then for each trigger to write: name, packed definition,
--                        watermark in ms, due instant in ms or empty
-- Returns {CREATED | CHANGED | UNCHANGED, record}, {CONFLICT, version}, {DELETING},
--         {MISPLACED}: partitioned as the stored one is not, or the other way round; {DUE, trigger...}
-- Cost    O(t log n) for t given triggers among n of the shard
-- Called by RedisJobStore.putJob
--@include lib/codes.lua
--@include lib/server_time.lua
--@include lib/job_record.lua
--@include lib/write_triggers.lua
--@include lib/remove_triggers.lua
local jobs, job_names = KEYS[1], KEYS[2]
local keys = { triggers = KEYS[3], trigger_names = KEYS[4], due = KEYS[5], expiry = KEYS[6] }
local job, expected, definition, facts, wake_channel = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local if_decided, remove_count, arguments = ARGV[6] == '1', tonumber(ARGV[7]), ARGV

local old = redis.call('HGET', jobs, job)
if old and is_deleting(old) then
  return { DELETING }
end
local removals, writes = {}, {}
for i = 8, #arguments do
  local list = i < 8 + remove_count and removals or writes
  list[#list + 1] = arguments[i]
end
if expected ~= '' and tonumber(expected) ~= job_version(old) then
  -- The next version with all that this call writes: the answer to it was lost. Who asks for a new one is told.
  local is_repeated = expected ~= '0' and tonumber(expected) + 1 == job_version(old)
    and are_written(keys, job, writes) and select(6, open_job(old)) == definition
  for _, name in ipairs(removals) do
    is_repeated = is_repeated and redis.call('HEXISTS', keys.triggers, job .. '/' .. name) == 0
  end
  if is_repeated then
    return { CHANGED, old }
  end
  return { CONFLICT, job_version(old) }
end
if old and is_partitioned(old) ~= is_partitioned(facts) then
  return { MISPLACED }
end

local now = server_time()
local due = if_decided and undecided(keys, job, writes, now) or {}
if #due > 0 then
  return { DUE, unpack(due) }
end

local version, created_at, paused_since, resumed_at, old_definition, pause_reason, _
if old then
  version, created_at, paused_since, resumed_at, _, old_definition, pause_reason = open_job(old)
else
  version, created_at, paused_since, resumed_at, pause_reason = 0, now, '', '', ''
end

-- Writes that need memory come before those that free it: out of memory then stops the script before any.
local _, is_written = write_triggers(keys, job, writes)
local is_changed = is_written or old_definition ~= definition
for _, name in ipairs(removals) do
  is_changed = is_changed or redis.call('HEXISTS', keys.triggers, job .. '/' .. name) == 1
end
if not is_changed then
  return { UNCHANGED, old }
end
local record = (version + 1) .. '|' .. created_at .. '|' .. now .. '|' .. paused_since .. '|' .. resumed_at .. '|'
  .. facts .. '\n' .. definition .. '\n' .. pause_reason
redis.call('HSET', jobs, job, record)
if not old then
  redis.call('ZADD', job_names, 0, job)
end
remove_triggers(keys, job, removals)
if is_written then
  redis.call('PUBLISH', wake_channel, '')
end
return { old and CHANGED or CREATED, record }
