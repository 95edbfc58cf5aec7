-- Pauses a job; one that is paused stays as it is.
-- KEYS[1] jobs    cj:{cluster:shard}:jobs  hash: job -> record
-- ARGV[1] job     text, namespace/job
-- ARGV[2] reason  JSON text
-- Returns {CHANGED | UNCHANGED, record}, {NOT_FOUND}
-- Cost    O(1)
-- Called by RedisJobStore.pauseJob
--@include lib/codes.lua
--@include lib/server_time.lua
--@include lib/job_record.lua
local jobs = KEYS[1]
local job, reason = ARGV[1], ARGV[2]

local old = redis.call('HGET', jobs, job)
if not old or is_deleting(old) then
  return { NOT_FOUND }
end
local version, created_at, paused_since, resumed_at, facts, definition = open_job(old)
if paused_since ~= '' then
  return { UNCHANGED, old }
end
local now = server_time()
local record = (version + 1) .. '|' .. created_at .. '|' .. now .. '|' .. now .. '|' .. resumed_at .. '|' .. facts
  .. '\n' .. definition .. '\n' .. reason
redis.call('HSET', jobs, job, record)
return { CHANGED, record }
