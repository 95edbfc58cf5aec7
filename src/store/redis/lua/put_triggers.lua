-- Writes triggers of one job in one transition; equal ones stay as they are.
-- KEYS[1] jobs           cj:{cluster:shard}:jobs           hash: job -> record
-- KEYS[2] triggers       cj:{cluster:shard}:triggers       hash: trigger -> record
-- KEYS[3] trigger_names  cj:{cluster:shard}:trigger-names  hash: job -> number and names of its triggers
-- KEYS[4] due            cj:{cluster:shard}:due            zset: trigger -> due instant
-- KEYS[5] expiry         cj:{cluster:shard}:expiry         zset: t:trigger -> end of retention
-- ARGV[1] job            text, namespace/job
-- ARGV[2] expected       version of each, 0 = only where there is none, empty = any
-- ARGV[3] wake_channel   text
-- ARGV[4] is_spread      1 when the triggers are placed as those of a partitioned job
-- ARGV[5] if_decided     1 when none that is due may be replaced
-- ARGV[6...]             for each: name, packed definition, watermark in ms, due instant in ms or empty
-- Returns {OK, CREATED | CHANGED | UNCHANGED...}, {NOT_FOUND}, {CONFLICT, version}, {MISPLACED}: the job is
--         partitioned and the triggers are not placed so, or the other way round; {DUE, trigger...}
-- Cost    O(t log n) for t given triggers among n of the shard
-- Called by RedisJobStore.putTriggers
--@include lib/codes.lua
--@include lib/server_time.lua
--@include lib/job_record.lua
--@include lib/write_triggers.lua
local jobs = KEYS[1]
local keys = { triggers = KEYS[2], trigger_names = KEYS[3], due = KEYS[4], expiry = KEYS[5] }
local job, expected, wake_channel, is_spread, if_decided = ARGV[1], ARGV[2], ARGV[3], ARGV[4] == '1', ARGV[5] == '1'
local arguments = ARGV

local record = redis.call('HGET', jobs, job)
if not record or is_deleting(record) then
  return { NOT_FOUND }
end
if is_partitioned(record) ~= is_spread then
  return { MISPLACED }
end
local writes = {}
for i = 6, #arguments do
  writes[i - 5] = arguments[i]
end
if expected ~= '' then
  -- The next version with what this call writes: the answer to it was lost. Who asks for new ones is told.
  local is_written, is_repeated, known = expected ~= '0' and are_written(keys, job, writes), false, {}
  for i = 1, #writes, 4 do
    local version = job_version(redis.call('HGET', keys.triggers, job .. '/' .. writes[i]))
    local is_next = is_written and version == expected + 1
    if version ~= tonumber(expected) and not is_next then
      return { CONFLICT, version }
    end
    is_repeated = is_repeated or is_next
    known[#known + 1] = is_next and CHANGED or UNCHANGED
  end
  if is_repeated then
    return { OK, unpack(known) }
  end
end
local due = if_decided and undecided(keys, job, writes, server_time()) or {}
if #due > 0 then
  return { DUE, unpack(due) }
end
local outcomes, is_written = write_triggers(keys, job, writes)
if is_written then
  redis.call('PUBLISH', wake_channel, '')
end
return { OK, unpack(outcomes) }
