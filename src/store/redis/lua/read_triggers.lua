-- Reads triggers with their due instants, in one moment.
-- KEYS[1] triggers  cj:{cluster:shard}:triggers  hash: trigger -> record
-- KEYS[2] due       cj:{cluster:shard}:due       zset: trigger -> due instant
-- ARGV[1...]        keys of triggers
-- Returns {record or nil, due instant or nil...}, two for each
-- Cost    O(t) for t given triggers
-- Called by RedisJobStore.getTrigger, listTriggers
local triggers, due = KEYS[1], KEYS[2]
local members = ARGV

local reply = {}
for index, member in ipairs(members) do
  reply[index * 2 - 1] = redis.call('HGET', triggers, member)
  reply[index * 2] = redis.call('ZSCORE', due, member)
end
return reply
