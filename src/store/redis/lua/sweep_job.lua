-- Removes triggers of a job that is marked as deleted, and with the last call the mark. A job that is not marked
-- is left alone: somebody else has finished, and it may have been stored anew.
-- KEYS[1] jobs           cj:{cluster:shard}:jobs           hash: job -> record
-- KEYS[2] triggers       cj:{cluster:shard}:triggers       hash: trigger -> record
-- KEYS[3] trigger_names  cj:{cluster:shard}:trigger-names  hash: job -> number and names of its triggers
-- KEYS[4] due            cj:{cluster:shard}:due            zset: trigger -> due instant
-- KEYS[5] expiry         cj:{cluster:shard}:expiry         zset: t:trigger or j:job -> end of retention
-- ARGV[1] job            text, namespace/job
-- ARGV[2] is_last        1 when all triggers were seen
-- ARGV[3...]             keys of triggers
-- Returns DELETING: marked still, DELETED
-- Cost    O(t log n) for t given triggers
-- Called by RedisJobStore.deleteJob, putJob, RedisExecutionStore.deleteExpired
--@include lib/codes.lua
--@include lib/job_record.lua
--@include lib/write_many.lua
local jobs, triggers, trigger_names, due, expiry = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local job, is_last, arguments = ARGV[1], ARGV[2] == '1', ARGV

local record = redis.call('HGET', jobs, job)
if not record or not is_deleting(record) then
  return DELETED
end
local members, finished = new_list(), new_list()
for i = 3, #arguments do
  add(members, arguments[i])
  add(finished, 't:' .. arguments[i])
end
write_many('HDEL', triggers, members)
write_many('ZREM', due, members)
write_many('ZREM', expiry, finished)
if not is_last then
  return DELETING
end
redis.call('HDEL', trigger_names, job)
redis.call('HDEL', jobs, job)
redis.call('ZREM', expiry, 'j:' .. job)
return DELETED
