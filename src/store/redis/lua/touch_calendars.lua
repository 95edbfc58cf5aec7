-- Raises the revision of a namespace as if one of its calendars had changed.
-- KEYS[1] calendar_revisions  cj:{cluster}:calendar-revisions  hash: namespace or * -> revision
-- ARGV[1] namespace  text
-- Returns the new revision
-- Cost    O(1)
-- Called by RedisCalendarStore.touch
local revisions = KEYS[1]
local namespace = ARGV[1]

local revision = redis.call('HINCRBY', revisions, '*', 1)
redis.call('HSET', revisions, namespace, revision)
return revision
