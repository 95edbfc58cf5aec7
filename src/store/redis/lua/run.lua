-- Queues a run outside the schedule. The same id again changes nothing.
-- KEYS[1] executions  cj:{cluster:shard}:executions  hash: id -> record
-- KEYS[2] ready       cj:{cluster:shard}:ready       zset: order and id, score 0
-- KEYS[3] history     cj:{cluster:shard}:history     zset: job/id, score 0
-- ARGV[1] id              text
-- ARGV[2] job             text, namespace/job
-- ARGV[3] attempts        attempts allowed
-- ARGV[4] order           text, `lane ppp<due>`
-- ARGV[5] lines           text, the lines below the order
-- ARGV[6] channel_prefix  text, of the channels of lanes
-- ARGV[7] shard           number, the message on them
-- Returns the record
-- Cost    O(log n)
-- Called by RedisExecutionStore.run
--@include lib/server_time.lua
--@include lib/ready_hints.lua
local executions, ready, history = KEYS[1], KEYS[2], KEYS[3]
local id, job, attempts, order, lines = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local channel_prefix, shard = ARGV[6], ARGV[7]

local stored = redis.call('HGET', executions, id)
if stored then
  return stored
end
local record = 'queued|0|' .. attempts .. '|' .. server_time() .. '|0|||||||\n' .. order .. lines
redis.call('HSET', executions, id, record)
redis.call('ZADD', ready, 0, order .. ' ' .. id)
redis.call('ZADD', history, 0, job .. '/' .. id)
hint_lane(order)
publish_hints(channel_prefix, shard)
return record
