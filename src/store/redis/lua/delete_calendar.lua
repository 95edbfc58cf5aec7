-- Deletes a calendar on which no other one stands.
-- KEYS[1] calendars           cj:{cluster}:calendars:namespace       hash: name -> record
-- KEYS[2] calendar_bases      cj:{cluster}:calendar-bases:namespace  hash: name -> name of its base
-- KEYS[3] calendar_revisions  cj:{cluster}:calendar-revisions        hash: namespace or * -> revision
-- ARGV[1] namespace  text
-- ARGV[2] name       text
-- ARGV[3] expected   version, empty = any
-- Returns {DELETED}, {NOT_FOUND}, {CONFLICT, version}, {IN_USE, name...}
-- Cost    O(c) for c calendars of the namespace
-- Called by RedisCalendarStore.deleteCalendar
--@include lib/codes.lua
local calendars, bases, revisions = KEYS[1], KEYS[2], KEYS[3]
local namespace, name, expected = ARGV[1], ARGV[2], ARGV[3]

local old = redis.call('HGET', calendars, name)
if not old then
  return { NOT_FOUND }
end
local version = tonumber(string.match(old, '^%d+'))
if expected ~= '' and tonumber(expected) ~= version then
  return { CONFLICT, version }
end
local users, pairs_of_names = { IN_USE }, redis.call('HGETALL', bases)
for i = 1, #pairs_of_names, 2 do
  if pairs_of_names[i + 1] == name then
    users[#users + 1] = pairs_of_names[i]
  end
end
if #users > 1 then
  return users
end
local revision = redis.call('HINCRBY', revisions, '*', 1)
redis.call('HSET', revisions, namespace, revision)
redis.call('HDEL', calendars, name)
redis.call('HDEL', bases, name)
return { DELETED }
