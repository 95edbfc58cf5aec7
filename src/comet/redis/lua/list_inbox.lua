-- Reads a page of a user's mailbox from the newest message back, with what the user did with each.
-- KEYS[1] mailbox       cj:{cluster:namespace/user}:mailbox       hash: epoch, top, cut
-- KEYS[2] messages      cj:{cluster:namespace/user}:messages      stream: expiresAt, sentAt, content
-- KEYS[3] acknowledged  cj:{cluster:namespace/user}:acknowledged  hash: device -> number, instant
-- KEYS[4] receipts      cj:{cluster:namespace/user}:receipts      hash: number:kind -> instant, device
-- ARGV[1] before        number, exclusive; 0 = from the newest
-- ARGV[2] limit         messages at most
-- Returns {epoch, top, earliest, delivered through, now ms, entries, receipts of each entry}; epoch empty: no mailbox
-- Cost    O(log n + limit)
-- Called by RedisMailbox.listInbox
--@include lib/mailbox_time.lua
--@include lib/delivered_through.lua
local mailbox, messages, acknowledged, receipts = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local before, limit = tonumber(ARGV[1]), tonumber(ARGV[2])

local state = redis.call('HMGET', mailbox, 'epoch', 'top')
if not state[1] then
  return { '', 0, 1, 0, 0, {}, {} }
end

local newest = before > 0 and string.format('%.0f-0', before - 1) or '+'
local entries = redis.call('XREVRANGE', messages, newest, '-', 'COUNT', limit)
local done = {}
for i, entry in ipairs(entries) do
  local number = string.match(entry[1], '^(%d+)')
  done[i] = redis.call('HMGET', receipts, number .. ':displayed', number .. ':clicked',
    number .. ':snoozed', number .. ':dismissed')
end
local oldest = redis.call('XRANGE', messages, '-', '+', 'COUNT', 1)[1]
local earliest = oldest and tonumber(string.match(oldest[1], '^(%d+)')) or tonumber(state[2]) + 1
return { state[1], tonumber(state[2]), earliest, delivered_through(acknowledged), server_now(), entries, done }
