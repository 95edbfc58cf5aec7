-- Removes triggers of a job that is marked as deleted, and with the last call the mark. A job that is not marked
-- so is left alone: somebody else has finished, and it may have been stored anew.
-- KEYS[1] jobs           cj:{cluster:shard}:jobs           hash: job -> record
-- KEYS[2] job_names      cj:{cluster:shard}:job-names      zset: =job for a copy, score 0
-- KEYS[3] triggers       cj:{cluster:shard}:triggers       hash: trigger -> record
-- KEYS[4] trigger_names  cj:{cluster:shard}:trigger-names  hash: job -> number and names of its triggers
-- KEYS[5] due            cj:{cluster:shard}:due            zset: trigger -> due instant
-- KEYS[6] expiry         cj:{cluster:shard}:expiry         zset: t:trigger or j:job -> end of retention
-- ARGV[1] job            text, namespace/job
-- ARGV[2] mark           text, the record of the marked job
-- ARGV[3] stage          0 = more triggers follow, 1 = all were seen, 2 = all were seen and the mark stays
-- ARGV[4...]             keys of triggers
-- Returns DELETING: marked still, DELETED
-- Cost    O(t log n) for t given triggers
-- Called by RedisJobStore.deleteJob, putJob, refreshCopies, RedisExecutionStore.deleteExpired
--@include lib/codes.lua
--@include lib/job_record.lua
--@include lib/write_many.lua
local jobs, job_names, triggers, trigger_names, due, expiry = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local job, mark, stage, arguments = ARGV[1], ARGV[2], ARGV[3], ARGV

local record = redis.call('HGET', jobs, job)
if record ~= mark or not is_deleting(record) then
  return DELETED
end
local members, finished = new_list(), new_list()
for i = 4, #arguments do
  add(members, arguments[i])
  add(finished, 't:' .. arguments[i])
end
write_many('HDEL', triggers, members)
write_many('ZREM', due, members)
write_many('ZREM', expiry, finished)
if stage == '0' then
  return DELETING
end
redis.call('HDEL', trigger_names, job)
redis.call('ZREM', job_names, '=' .. job)
if stage == '2' then
  return DELETING
end
redis.call('HDEL', jobs, job)
redis.call('ZREM', expiry, 'j:' .. job)
return DELETED
