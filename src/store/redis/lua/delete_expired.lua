-- Deletes executions and finished triggers whose retention has ended, and names jobs whose deletion was begun
-- and not finished.
-- KEYS[1] fence          cj:{cluster:shard}:fence          hash: epoch, member, sealedAt
-- KEYS[2] executions     cj:{cluster:shard}:executions     hash: id -> record
-- KEYS[3] history        cj:{cluster:shard}:history        zset: job/id, score 0
-- KEYS[4] expiry         cj:{cluster:shard}:expiry         zset: x:id, t:trigger or j:job -> end of retention
-- KEYS[5] triggers       cj:{cluster:shard}:triggers       hash: trigger -> record
-- KEYS[6] trigger_names  cj:{cluster:shard}:trigger-names  hash: job -> number and names of its triggers
-- KEYS[7] due            cj:{cluster:shard}:due            zset: trigger -> due instant
-- ARGV[1] epoch          number
-- ARGV[2] limit          number of entries at most
-- Returns {OK, count, job...}, {FENCED, fence}
-- Cost    O(limit log n)
-- Called by RedisExecutionStore.deleteExpired
--@include lib/codes.lua
--@include lib/server_time.lua
--@include lib/fence.lua
--@include lib/read_many.lua
--@include lib/write_many.lua
--@include lib/execution_record.lua
--@include lib/remove_triggers.lua
local fence_key, executions, history, expiry = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local keys = { triggers = KEYS[5], trigger_names = KEYS[6], due = KEYS[7], expiry = KEYS[4] }
local epoch, limit = tonumber(ARGV[1]), tonumber(ARGV[2])

local refusal = refuse_stale_epoch(fence_key, epoch)
if refusal then
  return refusal
end
local entries = redis.call('ZRANGEBYSCORE', expiry, '-inf', server_time(), 'LIMIT', 0, limit)
local ids, gone, deleting, names_of = new_list(), new_list(), {}, {}
for _, entry in ipairs(entries) do
  local kind, key = string.sub(entry, 1, 2), string.sub(entry, 3)
  if kind == 'j:' then
    deleting[#deleting + 1] = key
  else
    add(gone, entry)
    if kind == 'x:' then
      add(ids, key)
    else
      local job, name = string.match(key, '^(.*)/([^/]*)$')
      names_of[job] = names_of[job] or {}
      table.insert(names_of[job], name)
    end
  end
end

local members = new_list()
for index, record in ipairs(read_many(executions, ids, 1, ids.count)) do
  if record then
    local line_at = string.find(record, '\n', 1, true)
    add(members, job_of(string.sub(record, line_at)) .. '/' .. ids[index])
  end
end
write_many('HDEL', executions, ids)
write_many('ZREM', history, members)
for job, names in pairs(names_of) do
  remove_triggers(keys, job, names)
end
write_many('ZREM', expiry, gone)
return { OK, gone.count, unpack(deleting) }
