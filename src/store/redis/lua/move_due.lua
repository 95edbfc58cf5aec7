-- Gives triggers another due instant, or none; one that has changed since it was read stays as it is.
-- KEYS[1] fence        cj:{cluster:shard}:fence     hash: epoch, member, sealedAt, plannedWith
-- KEYS[2] triggers     cj:{cluster:shard}:triggers  hash: trigger -> record
-- KEYS[3] due          cj:{cluster:shard}:due       zset: trigger -> due instant
-- KEYS[4] expiry       cj:{cluster:shard}:expiry    zset: t:trigger -> end of retention
-- ARGV[1] epoch        number
-- ARGV[2] finished_ms  how long a trigger without a further fire is kept
-- ARGV[3...]           for each: trigger, `version|watermark|` expected, due instant expected, or empty, and the new
--                      one, or empty
-- Returns {OK, number moved}, {FENCED, fence}
-- Cost    O(t log n) for t given triggers among n of the shard
-- Called by RedisPlanningStore.moveDue
--@include lib/codes.lua
--@include lib/server_time.lua
--@include lib/fence.lua
--@include lib/write_many.lua
local fence_key, triggers, due, expiry = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local epoch, finished_ms, arguments = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV

local refusal = refuse_stale_epoch(fence_key, epoch)
if refusal then
  return refusal
end
local finished_until = instant_text(server_time() + finished_ms)
local moved, ended, not_due, not_ended, count = new_list(), new_list(), new_list(), new_list(), 0
for i = 3, #arguments, 4 do
  local trigger, expected, old_due_at, due_at = arguments[i], arguments[i + 1], arguments[i + 2], arguments[i + 3]
  local record = redis.call('HGET', triggers, trigger) or ''
  local stored_due_at = tonumber(redis.call('ZSCORE', due, trigger) or '')
  if string.sub(record, 1, #expected) == expected and stored_due_at == tonumber(old_due_at) then
    count = count + 1
    if due_at ~= '' then
      add_pair(moved, due_at, trigger)
      add(not_ended, 't:' .. trigger)
    else
      add_pair(ended, finished_until, 't:' .. trigger)
      add(not_due, trigger)
    end
  end
end
write_many('ZADD', due, moved)
write_many('ZADD', expiry, ended)
write_many('ZREM', due, not_due)
write_many('ZREM', expiry, not_ended)
return { OK, count }
