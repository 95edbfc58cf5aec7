-- Removes the route of a connection if it still is the given node's: a late goodbye does not erase a newer route.
-- KEYS[1] routes      cj:{cluster:namespace/user}:routes  hash: connection -> route
-- ARGV[1] connection  text
-- ARGV[2] node        text
-- Returns {code}; code 1 removed, 2 not this node's
-- Cost    O(1)
-- Called by RedisMailbox.removeRoute
local routes = KEYS[1]
local connection, node = ARGV[1], ARGV[2]

local value = redis.call('HGET', routes, connection)
if not value or string.match(value, '^%d+ (%S+)') ~= node then
  return { 2 }
end
redis.call('HDEL', routes, connection)
return { 1 }
