-- Counts one commit of a leader, if all that it knows to have been acknowledged is there; else something was lost,
-- and nothing is written. A repeated call counts once more, which does no harm.
-- KEYS[1] fence    cj:{cluster:shard}:fence  hash: epoch, member, sealedAt, commits, history
-- ARGV[1] epoch    number
-- ARGV[2] commits  number known to be there at least
-- ARGV[3] history  text, empty = none is known
-- ARGV[4] begin    text, the name of a history that begins now
-- Returns {OK, commits, history}, {BEHIND, epoch, commits, history or empty}, {FENCED, fence}
-- Cost    O(1)
-- Called by RedisProgressStore.markProgress
--@include lib/codes.lua
local fence_key = KEYS[1]
local epoch, commits, history, begin = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4]

local stored = redis.call('HMGET', fence_key, 'epoch', 'commits', 'history')
local fence, stored_commits, stored_history = tonumber(stored[1] or 0), tonumber(stored[2] or 0), stored[3] or ''
if epoch < fence then
  return { FENCED, fence }
end
local is_other = history ~= '' and history ~= stored_history
if fence < epoch or stored_commits < commits or is_other then
  return { BEHIND, fence, stored_commits, stored_history }
end
if stored_history == '' then
  redis.call('HSET', fence_key, 'history', begin)
  stored_history = begin
end
return { OK, redis.call('HINCRBY', fence_key, 'commits', 1), stored_history }
