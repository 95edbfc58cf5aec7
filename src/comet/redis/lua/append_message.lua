-- Appends a message to a user's mailbox unless its key is known, and returns the nodes that hold connections of
-- the user: whoever wrote a route before reads the message in the mailbox or gets it live.
-- KEYS[1] mailbox       cj:{cluster:namespace/user}:mailbox       hash: epoch, top, cut
-- KEYS[2] messages      cj:{cluster:namespace/user}:messages      stream: expiresAt, sentAt, content
-- KEYS[3] routes        cj:{cluster:namespace/user}:routes        hash: connection -> route
-- KEYS[4] acknowledged  cj:{cluster:namespace/user}:acknowledged  hash: device -> number, instant
-- KEYS[5] receipts      cj:{cluster:namespace/user}:receipts      hash: number:kind -> instant, device
-- KEYS[6] known         cj:{cluster:namespace/user}:known:<key>   string: number
-- ARGV[1] content       JSON text
-- ARGV[2] new_epoch     text, used if the mailbox has none
-- ARGV[3] ttl_ms        life of the message
-- ARGV[4] known_ms      how long the key is remembered
-- ARGV[5] idle_ms       how long a mailbox outlives its last message
-- ARGV[6] route_ttl_ms  age at which a route counts no more
-- ARGV[7] cap           messages kept
-- Returns {code, epoch, number, sentAt ms, dropped, node...}; code 1 appended, 2 duplicate
-- Cost    O(log n) for n kept messages; O(connections); removes at most 16 old messages
-- Called by RedisMailbox.append
--@include lib/mailbox_time.lua
--@include lib/live_nodes.lua
--@include lib/open_mailbox.lua
--@include lib/delivered_through.lua
local mailbox, messages, routes = KEYS[1], KEYS[2], KEYS[3]
local acknowledged, receipts, known = KEYS[4], KEYS[5], KEYS[6]
local content, new_epoch = ARGV[1], ARGV[2]
local ttl_ms, known_ms, idle_ms = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local route_ttl_ms, cap = tonumber(ARGV[6]), tonumber(ARGV[7])

local now = server_now()
local nodes = live_nodes(routes, now, route_ttl_ms)
local epoch, top, cut = open_mailbox(mailbox, messages, acknowledged, receipts, new_epoch)

local number = tonumber(redis.call('GET', known) or 0)
if number > 0 and number <= top then
  return { 2, epoch, number, now, 0, unpack(nodes) }
end

number = redis.call('HINCRBY', mailbox, 'top', 1)
redis.call('XADD', messages, number .. '-0', 'expiresAt', now + ttl_ms, 'sentAt', now, 'content', content)
redis.call('SET', known, number, 'PX', known_ms)

-- Old end: what has expired, and what exceeds the cap.
local delivered, dropped, length = nil, 0, redis.call('XLEN', messages)
for _ = 1, 16 do
  local oldest = redis.call('XRANGE', messages, '-', '+', 'COUNT', 1)[1]
  local oldest_number = tonumber(string.match(oldest[1], '^(%d+)'))
  local expired = tonumber(oldest[2][2]) <= now
  if not expired and length <= cap then
    break
  end
  if not expired then
    delivered = delivered or delivered_through(acknowledged)
    cut = oldest_number
    if oldest_number > delivered then
      dropped = dropped + 1
    end
  end
  redis.call('XDEL', messages, oldest[1])
  redis.call('HDEL', receipts, oldest_number .. ':displayed', oldest_number .. ':clicked',
    oldest_number .. ':snoozed', oldest_number .. ':dismissed')
  length = length - 1
end
redis.call('HSET', mailbox, 'cut', cut)

keep_for(messages, ttl_ms)
keep_for(mailbox, ttl_ms + idle_ms)
keep_for(acknowledged, ttl_ms + idle_ms)
keep_for(receipts, ttl_ms + idle_ms)
return { 1, epoch, number, now, dropped, unpack(nodes) }
