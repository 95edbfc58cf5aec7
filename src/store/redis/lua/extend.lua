-- Prolongs leases whose token is the current one.
-- KEYS[1] executions  cj:{cluster:shard}:executions  hash: id -> record
-- KEYS[2] leases      cj:{cluster:shard}:leases      zset: id -> end of the lease
-- ARGV[1] lease_ms    length of the lease from now
-- ARGV[2...]          for each: id, token
-- Returns {EXTENDED | CANCELLING | LOST...}
-- Cost    O(l log n) for l leases
-- Called by RedisExecutionStore.extend
--@include lib/codes.lua
--@include lib/server_time.lua
--@include lib/write_many.lua
local executions, leases = KEYS[1], KEYS[2]
local lease_ms, arguments = tonumber(ARGV[1]), ARGV

local lease_until = instant_text(server_time() + lease_ms)
local outcomes, extended = new_list(), new_list()
for i = 2, #arguments, 2 do
  local id, token = arguments[i], arguments[i + 1]
  local record = redis.call('HGET', executions, id)
  local held, cancel = string.match(
    record or '', '^running|%d+|%d+|%d+|%d+|([^|]*)|[^|]*|%d*|%d*|[^|]*|([^|]*)|')
  if held == token then
    add_pair(extended, lease_until, id)
    add(outcomes, cancel == '' and EXTENDED or CANCELLING)
  else
    add(outcomes, LOST)
  end
end
write_many('ZADD', leases, extended)
return outcomes
