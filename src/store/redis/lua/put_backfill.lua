-- Stores a backfill, unless one of its id is stored.
-- KEYS[1] jobs       cj:{cluster:shard}:jobs       hash: job -> record
-- KEYS[2] backfills  cj:{cluster:shard}:backfills  hash: job/id -> record
-- ARGV[1] job           text, namespace/job
-- ARGV[2] key           text, job/id
-- ARGV[3] record        text
-- ARGV[4] limit         number of backfills in the shard at most
-- ARGV[5] wake_channel  text
-- Returns {CREATED | UNCHANGED, record}, {NOT_FOUND}, {FULL}
-- Cost    O(1)
-- Called by RedisBackfillStore.putBackfill
--@include lib/codes.lua
--@include lib/job_record.lua
local jobs, backfills = KEYS[1], KEYS[2]
local job, key, record, limit, wake_channel = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]

local stored_job = redis.call('HGET', jobs, job)
if not stored_job or is_deleting(stored_job) then
  return { NOT_FOUND }
end
local stored = redis.call('HGET', backfills, key)
if stored then
  return { UNCHANGED, stored }
end
if redis.call('HLEN', backfills) >= limit then
  return { FULL }
end
redis.call('HSET', backfills, key, record)
redis.call('PUBLISH', wake_channel, '')
return { CREATED, record }
