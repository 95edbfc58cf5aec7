-- Deletes a job. Its triggers go with it when their names are known and all are here; else the job is marked,
-- nobody sees or writes it any more, and `sweep_job` removes the triggers in pieces.
-- KEYS[1] jobs           cj:{cluster:shard}:jobs           hash: job -> record
-- KEYS[2] job_names      cj:{cluster:shard}:job-names      zset: job, score 0
-- KEYS[3] triggers       cj:{cluster:shard}:triggers       hash: trigger -> record
-- KEYS[4] trigger_names  cj:{cluster:shard}:trigger-names  hash: job -> number and names of its triggers
-- KEYS[5] due            cj:{cluster:shard}:due            zset: trigger -> due instant
-- KEYS[6] expiry         cj:{cluster:shard}:expiry         zset: t:trigger, x:execution or j:job -> end of retention
-- ARGV[1] job            text, namespace/job
-- ARGV[2] expected       version, empty = any
-- Returns {DELETED}, {DELETING}: marked, sweep to follow, {NOT_FOUND}: there is none, or it is marked already,
--         {CONFLICT, version}
-- Cost    O(log n); at most 32 triggers
-- Called by RedisJobStore.deleteJob
--@include lib/codes.lua
--@include lib/server_time.lua
--@include lib/job_record.lua
--@include lib/remove_triggers.lua
local jobs, job_names = KEYS[1], KEYS[2]
local keys = { triggers = KEYS[3], trigger_names = KEYS[4], due = KEYS[5], expiry = KEYS[6] }
local job, expected = ARGV[1], ARGV[2]

local old = redis.call('HGET', jobs, job)
if not old or is_deleting(old) then
  return { NOT_FOUND }
end
if expected ~= '' and tonumber(expected) ~= job_version(old) then
  return { CONFLICT, job_version(old) }
end
local _, names = read_index(keys.trigger_names, job)
local mark = '-'
if is_partitioned(old) then
  local version, created_at = open_job(old)
  names, mark = nil, '-' .. created_at .. '|' .. version
end
if names then
  remove_triggers(keys, job, names)
  redis.call('HDEL', jobs, job)
  redis.call('ZREM', job_names, job)
  return { DELETED }
end
-- The leader finds the mark among what has expired, should the caller not live to finish the sweep.
redis.call('ZADD', keys.expiry, server_time(), 'j:' .. job)
redis.call('HSET', jobs, job, mark)
redis.call('ZREM', job_names, job)
return { DELETING }
