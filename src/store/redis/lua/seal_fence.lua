-- Raises the fence to the epoch of a term, in its member's name: the first write of a term.
-- KEYS[1] fence   cj:{cluster:shard}:fence  hash: epoch, member, sealedAt
-- ARGV[1] epoch   number
-- ARGV[2] member  text
-- Returns {OK}, {FENCED, fence}: a larger epoch is there, or the same one in another member's name
-- Cost    O(1)
-- Called by RedisExecutionStore.sealFence
--@include lib/codes.lua
--@include lib/server_time.lua
local fence_key = KEYS[1]
local epoch, member = tonumber(ARGV[1]), ARGV[2]

local stored = redis.call('HMGET', fence_key, 'epoch', 'member')
local fence, holder = tonumber(stored[1] or 0), stored[2] or ''
if epoch < fence or (epoch == fence and holder ~= '' and holder ~= member) then
  return { FENCED, fence }
end
if epoch > fence or holder ~= member then
  redis.call('HSET', fence_key, 'epoch', epoch, 'member', member, 'sealedAt', server_time())
end
return { OK }
