-- Replaces the copy of a partitioned job in another shard than its own, if it still is what the caller has read
-- before it read the job: so no copy goes back to what the job was before. A copy that is a mark keeps what
-- belongs to the deleted job from coming back; it is removed an hour later.
-- KEYS[1] jobs       cj:{cluster:shard}:jobs       hash: job -> record
-- KEYS[2] job_names  cj:{cluster:shard}:job-names  zset: =job for a copy, and for a mark until its triggers are swept
-- KEYS[3] expiry     cj:{cluster:shard}:expiry     zset: j:job -> end of the mark
-- ARGV[1] job           text, namespace/job
-- ARGV[2] expected      text, the copy as it was read, empty = none
-- ARGV[3] record        text, the job or its mark as stored in its own shard
-- ARGV[4] mark_ms       how long a mark is kept
-- ARGV[5] wake_channel  text
-- Returns CHANGED, CONFLICT: it is another one by now, DELETING: triggers of an earlier job are to be swept first
-- Cost    O(log n)
-- Called by RedisJobStore.putJob, pauseJob, resumeJob, putTriggers, deleteJob, refreshCopies
--@include lib/codes.lua
--@include lib/server_time.lua
--@include lib/job_record.lua
local jobs, job_names, expiry = KEYS[1], KEYS[2], KEYS[3]
local job, expected, record, mark_ms, wake_channel = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]

local old = redis.call('HGET', jobs, job)
if (old or '') ~= expected then
  return CONFLICT
end
if not is_deleting(record) and is_deleting(expected) and redis.call('ZSCORE', job_names, '=' .. job) then
  return DELETING
end
redis.call('HSET', jobs, job, record)
redis.call('ZADD', job_names, 0, '=' .. job)
if is_deleting(record) then
  redis.call('ZADD', expiry, server_time() + mark_ms, 'j:' .. job)
else
  redis.call('ZREM', expiry, 'j:' .. job)
end
redis.call('PUBLISH', wake_channel, '')
return CHANGED
