-- Records what the user did with a message; the first receipt of a kind counts.
-- KEYS[1] mailbox       cj:{cluster:namespace/user}:mailbox   hash: epoch, top, cut
-- KEYS[2] messages      cj:{cluster:namespace/user}:messages  stream: expiresAt, sentAt, content
-- KEYS[3] routes        cj:{cluster:namespace/user}:routes    hash: connection -> route
-- KEYS[4] receipts      cj:{cluster:namespace/user}:receipts  hash: number:kind -> instant, device
-- ARGV[1] epoch         text
-- ARGV[2] number        of the message
-- ARGV[3] kind          displayed, clicked, snoozed or dismissed
-- ARGV[4] device        text
-- ARGV[5] route_ttl_ms  age at which a route counts no more
-- Returns {code, node...}; code 1 recorded, 2 repeated, 3 no such message
-- Cost    O(connections)
-- Called by RedisMailbox.recordReceipt
--@include lib/mailbox_time.lua
--@include lib/live_nodes.lua
local mailbox, messages, routes, receipts = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local epoch, number, kind, device = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local route_ttl_ms = tonumber(ARGV[5])

if redis.call('HGET', mailbox, 'epoch') ~= epoch then
  return { 3 }
end
if #redis.call('XRANGE', messages, number .. '-0', number .. '-0') == 0 then
  return { 3 }
end
local now = server_now()
if redis.call('HSETNX', receipts, number .. ':' .. kind, string.format('%.0f %s', now, device)) == 0 then
  return { 2 }
end
keep_for(receipts, redis.call('PTTL', mailbox))
return { 1, unpack((live_nodes(routes, now, route_ttl_ms))) }
