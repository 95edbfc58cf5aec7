-- Compares one piece of one key with the records of jobs and triggers and makes the keys agree with the records,
-- which are the truth. All in one moment. When a trigger is due the caller knows better: it gets those to judge.
-- KEYS[1] fence          cj:{cluster:shard}:fence          hash: epoch, member, sealedAt
-- KEYS[2] jobs           cj:{cluster:shard}:jobs           hash: job -> record
-- KEYS[3] job_names      cj:{cluster:shard}:job-names      zset: job, score 0
-- KEYS[4] triggers       cj:{cluster:shard}:triggers       hash: trigger -> record
-- KEYS[5] trigger_names  cj:{cluster:shard}:trigger-names  hash: job -> number and names of its triggers
-- KEYS[6] due            cj:{cluster:shard}:due            zset: trigger -> due instant
-- KEYS[7] expiry         cj:{cluster:shard}:expiry         zset: t:trigger or j:job -> end of retention
-- ARGV[1] epoch   number, empty = look only
-- ARGV[2] source  jobs | job-names | triggers | trigger-names | due | expiry: the key to go through; unlisted = none
-- ARGV[3] cursor  text, 0 = the beginning
-- ARGV[4] count   number of entries to look at, roughly
-- ARGV[5...]      what belongs into the list of jobs of this shard: job, or =job for a copy of a partitioned one
-- Returns {OK, next cursor (0 = the end), number of entries seen, {kind, subject...}, to judge}, {FENCED, fence};
--         to judge: of jobs those that are not in the list; of triggers {trigger, record, due instant or empty...}
--         except those that are finished
-- Cost    O(count log n)
-- Called by RedisReconcileStore.reconcile
--@include lib/codes.lua
--@include lib/server_time.lua
--@include lib/fence.lua
--@include lib/job_record.lua
--@include lib/read_many.lua
--@include lib/remove_triggers.lua
local fence_key, jobs, job_names = KEYS[1], KEYS[2], KEYS[3]
local keys = { triggers = KEYS[4], trigger_names = KEYS[5], due = KEYS[6], expiry = KEYS[7] }
local epoch, source, cursor, count, arguments = tonumber(ARGV[1]), ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV

local refusal = epoch and refuse_stale_epoch(fence_key, epoch)
if refusal then
  return refusal
end
local repairs, to_judge = {}, {}

-- Notes a difference; true when it is to be repaired.
local function found(kind, subject)
  repairs[#repairs + 1] = kind
  repairs[#repairs + 1] = subject
  return epoch ~= nil
end

local function drop(key, member, kind)
  if found(kind, member) then
    redis.call('ZREM', key, member)
  end
end

local function split(trigger)
  return string.match(trigger, '^(.*)/([^/]*)$')
end

local function has(list, name)
  for _, entry in ipairs(list) do
    if entry == name then
      return true
    end
  end
  return false
end

local check = {}

check['jobs'] = function(job, record)
  if not is_deleting(record) then
    if not redis.call('ZSCORE', job_names, job) and not redis.call('ZSCORE', job_names, '=' .. job) then
      to_judge[#to_judge + 1] = job
    end
  elseif not redis.call('ZSCORE', keys.expiry, 'j:' .. job) and found('deletion-forgotten', job) then
    redis.call('ZADD', keys.expiry, server_time(), 'j:' .. job)
  end
end

-- `=job` stands for a copy of a partitioned job, or for its mark until its triggers are swept.
check['job-names'] = function(entry)
  local record = redis.call('HGET', jobs, (string.gsub(entry, '^=', '')))
  if not record or (is_deleting(record) and string.sub(entry, 1, 1) ~= '=') then
    drop(job_names, entry, 'job-listed-stale')
  end
end

check['triggers'] = function(trigger, record)
  local job, name = split(trigger)
  local owner = redis.call('HGET', jobs, job)
  if not owner then
    if found('trigger-without-job', trigger) then
      remove_triggers(keys, job, { name })
    end
    return
  end
  if is_deleting(owner) then
    return
  end
  local number, names = read_index(keys.trigger_names, job)
  if names and not has(names, name) and found('trigger-not-listed', trigger) then
    change_index(keys.trigger_names, job, { name }, {})
  end
  local due_at = redis.call('ZSCORE', keys.due, trigger)
  local is_finished = redis.call('ZSCORE', keys.expiry, 't:' .. trigger)
  if due_at and is_finished then
    drop(keys.expiry, 't:' .. trigger, 'expiry-stale')
  end
  if due_at or not is_finished then
    to_judge[#to_judge + 1] = trigger
    to_judge[#to_judge + 1] = record
    to_judge[#to_judge + 1] = due_at or ''
  end
end

check['trigger-names'] = function(job)
  local number, names = read_index(keys.trigger_names, job)
  if not names then
    return
  end
  local members, there = {}, {}
  for i, name in ipairs(names) do
    members[i] = job .. '/' .. name
  end
  for i, record in ipairs(read_many(keys.triggers, members)) do
    if record and not has(there, names[i]) then
      there[#there + 1] = names[i]
    end
  end
  if (#there ~= #names or number ~= #there) and found('trigger-count-wrong', job) then
    redis.call('HDEL', keys.trigger_names, job)
    change_index(keys.trigger_names, job, there, {})
  end
end

check['due'] = function(trigger)
  if redis.call('HEXISTS', keys.triggers, trigger) == 0 then
    drop(keys.due, trigger, 'due-stale')
  end
end

check['expiry'] = function(entry)
  local kind, key = string.sub(entry, 1, 2), string.sub(entry, 3)
  if kind == 't:' and redis.call('HEXISTS', keys.triggers, key) == 0 then
    drop(keys.expiry, entry, 'expiry-stale')
  elseif kind == 'j:' and not is_deleting(redis.call('HGET', jobs, key) or '') then
    drop(keys.expiry, entry, 'expiry-stale')
  end
end

for i = 5, #arguments do
  local entry = arguments[i]
  local record = redis.call('HGET', jobs, (string.gsub(entry, '^=', '')))
  if record and not is_deleting(record) and not redis.call('ZSCORE', job_names, entry) then
    if found('job-not-listed', entry) then
      redis.call('ZADD', job_names, 0, entry)
    end
  end
end

local HASHES = { jobs = jobs, triggers = keys.triggers, ['trigger-names'] = keys.trigger_names }
local SETS = { ['job-names'] = job_names, due = keys.due, expiry = keys.expiry }
local step = { '0', {} }
if HASHES[source] then
  step = redis.call('HSCAN', HASHES[source], cursor, 'COUNT', count)
elseif SETS[source] then
  step = redis.call('ZSCAN', SETS[source], cursor, 'COUNT', count)
end
for i = 1, #step[2], 2 do
  check[source](step[2][i], step[2][i + 1])
end
return { OK, step[1], #step[2] / 2, repairs, to_judge }
