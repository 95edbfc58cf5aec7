-- Writes a calendar; an equal one keeps its version. The base has to exist and must not lead back.
-- KEYS[1] calendars           cj:{cluster}:calendars:namespace       hash: name -> record
-- KEYS[2] calendar_bases      cj:{cluster}:calendar-bases:namespace  hash: name -> name of its base
-- KEYS[3] calendar_revisions  cj:{cluster}:calendar-revisions        hash: namespace or * -> revision
-- ARGV[1] namespace   text
-- ARGV[2] name        text
-- ARGV[3] expected    version, 0 = only where there is none, empty = any
-- ARGV[4] base        name, empty = none
-- ARGV[5] definition  JSON text
-- ARGV[6] max_count   calendars of a namespace at most
-- Returns {CREATED | CHANGED | UNCHANGED, record}, {CONFLICT, version}, {NOT_FOUND} and {CYCLE} for the base, {FULL}
-- Cost    O(b) for b bases
-- Called by RedisCalendarStore.putCalendar
--@include lib/codes.lua
--@include lib/server_time.lua
local calendars, bases, revisions = KEYS[1], KEYS[2], KEYS[3]
local namespace, name, expected, base = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local definition, max_count = ARGV[5], tonumber(ARGV[6])

local old = redis.call('HGET', calendars, name)
local version, created_at, old_definition = 0, nil, nil
if old then
  version, created_at, old_definition = string.match(old, '^(%d+)|(%d+)|%d+\n(.*)$')
end
if old_definition == definition and expected ~= '' and expected ~= '0' and expected + 1 == tonumber(version) then
  -- The next version with what this call writes: the answer to it was lost. Who asks for a new one is told.
  return { CHANGED, old }
end
if expected ~= '' and tonumber(expected) ~= tonumber(version) then
  return { CONFLICT, tonumber(version) }
end
if old_definition == definition then
  return { UNCHANGED, old }
end
if not old and redis.call('HLEN', calendars) >= max_count then
  return { FULL }
end
local below = base ~= '' and base
while below do
  if below == name then
    return { CYCLE }
  end
  if redis.call('HEXISTS', calendars, below) == 0 then
    return { NOT_FOUND }
  end
  below = redis.call('HGET', bases, below)
end

local now = server_time()
local record = (version + 1) .. '|' .. (created_at or now) .. '|' .. now .. '\n' .. definition
local revision = redis.call('HINCRBY', revisions, '*', 1)
redis.call('HSET', revisions, namespace, revision)
redis.call('HSET', calendars, name, record)
if base ~= '' then
  redis.call('HSET', bases, name, base)
else
  redis.call('HDEL', bases, name)
end
return { old and CHANGED or CREATED, record }
