-- Reads the triggers that are due up to an instant, earliest first, with their jobs, in one moment.
-- KEYS[1] due       cj:{cluster:shard}:due       zset: trigger -> due instant
-- KEYS[2] triggers  cj:{cluster:shard}:triggers  hash: trigger -> record
-- KEYS[3] jobs      cj:{cluster:shard}:jobs      hash: job -> record
-- ARGV[1] until_ms  instant in ms, inclusive
-- ARGV[2] limit     number of triggers at most
-- ARGV[3] from_ms   instant in ms, inclusive, or -inf
-- Returns {following due instant or empty, {trigger, due instant, record...}, {job, record...}}
-- Cost    O(log n + limit)
-- Called by RedisExecutionStore.readDue
--@include lib/read_many.lua
--@include lib/write_many.lua
local due, triggers, jobs = KEYS[1], KEYS[2], KEYS[3]
local until_ms, limit, from_ms = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]

local entries = redis.call('ZRANGEBYSCORE', due, from_ms, '+inf', 'WITHSCORES', 'LIMIT', 0, limit + 1)
local members, following = new_list(), ''
for i = 1, #entries, 2 do
  if members.count == limit or tonumber(entries[i + 1]) > until_ms then
    following = entries[i + 1]
    break
  end
  add(members, entries[i])
end

local records = read_many(triggers, members, 1, members.count)
local found, job_keys, seen = new_list(), {}, {}
for index, member in ipairs(members) do
  add(found, member)
  add_pair(found, entries[index * 2], records[index] or '')
  local job = string.match(member, '^[^/]*/[^/]*')
  if not seen[job] then
    seen[job] = true
    job_keys[#job_keys + 1] = job
  end
end
local job_records = read_many(jobs, job_keys)
local found_jobs = {}
for index, job in ipairs(job_keys) do
  if job_records[index] then
    found_jobs[#found_jobs + 1] = job
    found_jobs[#found_jobs + 1] = job_records[index]
  end
end
return { following, found, found_jobs }
