-- Removes triggers whose job is gone.
-- KEYS[1] fence          cj:{cluster:shard}:fence          hash: epoch, member, sealedAt
-- KEYS[2] jobs           cj:{cluster:shard}:jobs           hash: job -> record
-- KEYS[3] triggers       cj:{cluster:shard}:triggers       hash: trigger -> record
-- KEYS[4] trigger_names  cj:{cluster:shard}:trigger-names  hash: job -> number and names of its triggers
-- KEYS[5] due            cj:{cluster:shard}:due            zset: trigger -> due instant
-- KEYS[6] expiry         cj:{cluster:shard}:expiry         zset: t:trigger -> end of retention
-- ARGV[1] epoch          number
-- ARGV[2...]             keys of triggers
-- Returns {OK}, {FENCED, fence}
-- Cost    O(t log n) for t given triggers
-- Called by RedisExecutionStore.dropOrphans
--@include lib/codes.lua
--@include lib/fence.lua
--@include lib/job_record.lua
--@include lib/remove_triggers.lua
local fence_key, jobs = KEYS[1], KEYS[2]
local keys = { triggers = KEYS[3], trigger_names = KEYS[4], due = KEYS[5], expiry = KEYS[6] }
local epoch, arguments = tonumber(ARGV[1]), ARGV

local refusal = refuse_stale_epoch(fence_key, epoch)
if refusal then
  return refusal
end
for i = 2, #arguments do
  local job, name = string.match(arguments[i], '^(.*)/([^/]*)$')
  local record = redis.call('HGET', jobs, job)
  if not record or is_deleting(record) then
    remove_triggers(keys, job, { name })
    -- A due entry without a trigger would come first for ever.
    redis.call('ZREM', keys.due, arguments[i])
  end
end
return { OK }
