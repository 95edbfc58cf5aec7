-- Gives a worker the first executions of the lanes it serves: highest priority first, then earliest due.
-- KEYS[1] ready       cj:{cluster:shard}:ready       zset: order and id, score 0
-- KEYS[2] executions  cj:{cluster:shard}:executions  hash: id -> record
-- KEYS[3] leases      cj:{cluster:shard}:leases      zset: id -> end of the lease
-- KEYS[4] claims      cj:{cluster:shard}:claims      hash: worker -> instant, token and ids of its last claim
-- ARGV[1] worker      text
-- ARGV[2] token       text, names this claim
-- ARGV[3] lease_ms    length of the lease
-- ARGV[4] limit       number of executions at most
-- ARGV[5...]          lanes
-- Returns {id, record...}, two for each execution
-- Cost    O(lanes (log n + limit) + limit log n)
-- Called by RedisExecutionStore.claim
--@include lib/server_time.lua
--@include lib/read_many.lua
--@include lib/write_many.lua
--@include lib/last_claims.lua
local ready, executions, leases, claims = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local worker, token, lease_ms, limit, arguments = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV

local repeated = repeated_claim(claims, executions, worker, token)
if repeated then
  return repeated
end

-- `waiting` holds what follows the lane in a member of the ready set: text order is the order of claiming.
local waiting, count, member_of = {}, 0, {}
for i = 5, #arguments do
  local lane = arguments[i]
  local members = redis.call('ZRANGEBYLEX', ready, '[' .. lane .. ' ', '(' .. lane .. '!', 'LIMIT', 0, limit)
  for index, member in ipairs(members) do
    local order_and_id = string.sub(member, #lane + 2)
    waiting[count + index] = order_and_id
    member_of[order_and_id] = member
  end
  count = count + #members
end
if #arguments > 5 then
  table.sort(waiting)
end

local taken, ids = new_list(), new_list()
for i = 1, math.min(limit, count) do
  add(taken, member_of[waiting[i]])
  add(ids, string.sub(waiting[i], 20))
end
local now = server_time()
local now_text, lease_until = instant_text(now), instant_text(now + lease_ms)
local records, granted = new_list(), new_list()
local RECORD = '^queued|(%d+)|(%d+|%d+|%d+)|[^|]*|[^|]*|[^|]*|[^|]*|[^|]*|[^|]*|([^\n]*)()'
for index, record in ipairs(read_many(executions, ids, 1, ids.count)) do
  local attempt, fixed, settled_by, lines_at = string.match(record or '', RECORD)
  if attempt then
    local id = ids[index]
    add_pair(records, id, 'running|' .. (attempt + 1) .. '|' .. fixed .. '|' .. token .. '|' .. worker .. '|' .. now_text
      .. '||||' .. settled_by .. string.sub(record, lines_at))
    add_pair(granted, lease_until, id)
  end
end
if records.count > 0 then
  write_many('HSET', executions, records)
  write_many('ZADD', leases, granted)
  remember_claim(claims, worker, token, granted, now_text)
end
write_many('ZREM', ready, taken)
return records
