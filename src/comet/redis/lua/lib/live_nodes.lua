-- The nodes of routes that were refreshed lately, each once, and the number of such routes; removes the others.
-- A route is `<refreshed at> <node> <transport> <device>`. There are never more than the limit of connections.
local function live_nodes(routes, now, route_ttl)
  local entries = redis.call('HGETALL', routes)
  local nodes, seen, count = {}, {}, 0
  for i = 1, #entries, 2 do
    local refreshed_at, node = string.match(entries[i + 1], '^(%d+) (%S+)')
    if now - tonumber(refreshed_at) >= route_ttl then
      redis.call('HDEL', routes, entries[i])
    else
      count = count + 1
      if not seen[node] then
        seen[node] = true
        nodes[#nodes + 1] = node
      end
    end
  end
  return nodes, count
end
