-- Queues executions whose delay before the next attempt has passed.
-- KEYS[1] fence       cj:{cluster:shard}:fence       hash: epoch, member, sealedAt
-- KEYS[2] executions  cj:{cluster:shard}:executions  hash: id -> record
-- KEYS[3] ready       cj:{cluster:shard}:ready       zset: order and id, score 0
-- KEYS[4] retries     cj:{cluster:shard}:retries     zset: id -> instant of the retry
-- ARGV[1] epoch           number
-- ARGV[2] limit           number of executions at most
-- ARGV[3] channel_prefix  text, of the channels of lanes
-- ARGV[4] shard           number, the message on them
-- Returns {OK, count}, {FENCED, fence}
-- Cost    O(limit log n)
-- Called by RedisExecutionStore.requeueRetries
--@include lib/codes.lua
--@include lib/server_time.lua
--@include lib/fence.lua
--@include lib/read_many.lua
--@include lib/write_many.lua
--@include lib/ready_hints.lua
--@include lib/execution_record.lua
local fence_key, executions, ready, retries = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local epoch, limit, channel_prefix, shard = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4]

local refusal = refuse_stale_epoch(fence_key, epoch)
if refusal then
  return refusal
end
local ids = redis.call('ZRANGEBYSCORE', retries, '-inf', server_time(), 'LIMIT', 0, limit)
local stored = read_many(executions, ids)
local records, members = new_list(), new_list()
for index, id in ipairs(ids) do
  if stored[index] then
    local fields, lines = open_record(stored[index])
    local order = order_of(lines)
    fields[STATE] = 'queued'
    add_pair(records, id, close_record(fields, lines))
    add_pair(members, '0', order .. ' ' .. id)
    hint_lane(order)
  end
end
write_many('HSET', executions, records)
write_many('ZADD', ready, members)
write_many('ZREM', retries, as_list(ids))
publish_hints(channel_prefix, shard)
return { OK, #ids }
