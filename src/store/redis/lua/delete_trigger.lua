-- Deletes one trigger.
-- KEYS[1] triggers       cj:{cluster:shard}:triggers       hash: trigger -> record
-- KEYS[2] trigger_names  cj:{cluster:shard}:trigger-names  hash: job -> number and names of its triggers
-- KEYS[3] due            cj:{cluster:shard}:due            zset: trigger -> due instant
-- KEYS[4] expiry         cj:{cluster:shard}:expiry         zset: t:trigger -> end of retention
-- ARGV[1] job            text, namespace/job
-- ARGV[2] name           text
-- ARGV[3] expected       version, empty = any
-- Returns {DELETED}, {NOT_FOUND}, {CONFLICT, version}
-- Cost    O(log n)
-- Called by RedisJobStore.deleteTrigger
--@include lib/codes.lua
--@include lib/job_record.lua
--@include lib/remove_triggers.lua
local keys = { triggers = KEYS[1], trigger_names = KEYS[2], due = KEYS[3], expiry = KEYS[4] }
local job, name, expected = ARGV[1], ARGV[2], ARGV[3]

local old = redis.call('HGET', keys.triggers, job .. '/' .. name)
if not old then
  return { NOT_FOUND }
end
if expected ~= '' and tonumber(expected) ~= job_version(old) then
  return { CONFLICT, job_version(old) }
end
remove_triggers(keys, job, { name })
return { DELETED }
