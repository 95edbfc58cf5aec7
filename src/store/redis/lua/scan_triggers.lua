-- One step of a scan over the triggers of a shard; read only.
-- KEYS[1] triggers  cj:{cluster:shard}:triggers  hash: trigger -> record
-- KEYS[2] due       cj:{cluster:shard}:due       zset: trigger -> due instant
-- ARGV[1] cursor    text, 0 = the beginning
-- ARGV[2] count     number of triggers to look at, roughly
-- ARGV[3] part      text that a record has to contain, empty = any record
-- Returns {next cursor (0 = the end), {trigger, record, due instant or empty...}}
-- Cost    O(count log n)
-- Called by RedisPlanningStore.scanTriggers
local triggers, due = KEYS[1], KEYS[2]
local cursor, count, part = ARGV[1], tonumber(ARGV[2]), ARGV[3]

local step = redis.call('HSCAN', triggers, cursor, 'COUNT', count)
local found, entries = {}, step[2]
for i = 1, #entries, 2 do
  if part == '' or string.find(entries[i + 1], part, 1, true) then
    found[#found + 1] = entries[i]
    found[#found + 1] = entries[i + 1]
    found[#found + 1] = redis.call('ZSCORE', due, entries[i]) or ''
  end
end
return { step[1], found }
