-- Writes or refreshes the route of a connection, and opens the user's mailbox if there is none.
-- KEYS[1] mailbox       cj:{cluster:namespace/user}:mailbox       hash: epoch, top, cut
-- KEYS[2] messages      cj:{cluster:namespace/user}:messages      stream: expiresAt, sentAt, content
-- KEYS[3] routes        cj:{cluster:namespace/user}:routes        hash: connection -> route
-- KEYS[4] acknowledged  cj:{cluster:namespace/user}:acknowledged  hash: device -> number, instant
-- KEYS[5] receipts      cj:{cluster:namespace/user}:receipts      hash: number:kind -> instant, device
-- ARGV[1] connection    text
-- ARGV[2] route         `<node> <transport> <device>`
-- ARGV[3] limit         connections of the user; 0 = not checked
-- ARGV[4] route_ttl_ms  age at which a route counts no more
-- ARGV[5] idle_ms       how long the mailbox is kept at least
-- ARGV[6] new_epoch     text
-- ARGV[7] known_epoch   epoch of the connection's position; may be empty
-- ARGV[8] known_number  number of the connection's position
-- Returns {code, epoch, top}; code 1 stored, 2 limit reached
-- Cost    O(connections)
-- Called by RedisMailbox.putRoute, RedisMailbox.refreshRoutes
--@include lib/mailbox_time.lua
--@include lib/live_nodes.lua
--@include lib/open_mailbox.lua
local mailbox, messages, routes, acknowledged, receipts = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local connection, route = ARGV[1], ARGV[2]
local limit, route_ttl_ms, idle_ms = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local new_epoch, known_epoch, known_number = ARGV[6], ARGV[7], tonumber(ARGV[8])

local now = server_now()
local _, count = live_nodes(routes, now, route_ttl_ms)
local epoch, top = open_mailbox(mailbox, messages, acknowledged, receipts, new_epoch)
keep_for(mailbox, idle_ms)
if limit > 0 and count >= limit and redis.call('HEXISTS', routes, connection) == 0 then
  return { 2, epoch, top }
end

-- Somebody has seen a number that was never given here: the store went back in time, and numbers after the top
-- would be given twice. Under a new epoch nobody mistakes them.
if known_epoch == epoch and known_number > top then
  epoch = new_epoch
  redis.call('HSET', mailbox, 'epoch', epoch)
  redis.call('DEL', acknowledged)
end
redis.call('HSET', routes, connection, string.format('%.0f %s', now, route))
redis.call('PEXPIRE', routes, route_ttl_ms)
return { 1, epoch, top }
