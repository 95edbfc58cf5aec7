-- Reads a page of a user's mailbox after a position, and says whether everything after it is still there.
-- KEYS[1] mailbox       cj:{cluster:namespace/user}:mailbox       hash: epoch, top, cut
-- KEYS[2] messages      cj:{cluster:namespace/user}:messages      stream: expiresAt, sentAt, content
-- KEYS[3] acknowledged  cj:{cluster:namespace/user}:acknowledged  hash: device -> number, instant
-- KEYS[4] receipts      cj:{cluster:namespace/user}:receipts      hash: number:kind -> instant, device
-- ARGV[1] after_epoch   text; empty = start at what the device has acknowledged
-- ARGV[2] after_number  exclusive
-- ARGV[3] device        text; may be empty
-- ARGV[4] limit         messages at most
-- Returns {epoch, top, from, recovered 0 or 1, earliest, through, entries without expired and dismissed ones};
--         epoch empty: no mailbox
-- Cost    O(log n + limit)
-- Called by RedisMailbox.read
--@include lib/mailbox_time.lua
local mailbox, messages, acknowledged, receipts = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local after_epoch, after_number = ARGV[1], tonumber(ARGV[2])
local device, limit = ARGV[3], tonumber(ARGV[4])

local state = redis.call('HMGET', mailbox, 'epoch', 'top', 'cut')
if not state[1] then
  return { '', 0, 0, after_epoch == '' and 1 or 0, 1, 0, {} }
end
local epoch, top, cut = state[1], tonumber(state[2]), tonumber(state[3])

local from, recovered = 0, 0
if after_epoch == '' then
  local value = redis.call('HGET', acknowledged, device)
  from = value and tonumber(string.match(value, '^(%d+)')) or 0
  recovered = (not value or cut <= from) and 1 or 0
elseif after_epoch == epoch and after_number <= top then
  from = after_number
  recovered = cut <= from and 1 or 0
end

local oldest = redis.call('XRANGE', messages, '-', '+', 'COUNT', 1)[1]
local earliest = oldest and tonumber(string.match(oldest[1], '^(%d+)')) or top + 1
local entries = redis.call('XRANGE', messages, string.format('%.0f-0', from + 1), '+', 'COUNT', limit)

local now, wanted, through = server_now(), {}, top
for i, entry in ipairs(entries) do
  local number = string.match(entry[1], '^(%d+)')
  if tonumber(entry[2][2]) > now and redis.call('HEXISTS', receipts, number .. ':dismissed') == 0 then
    wanted[#wanted + 1] = entry
  end
  if i == limit then
    through = tonumber(number)
  end
end
return { epoch, top, from, recovered, earliest, through, wanted }
