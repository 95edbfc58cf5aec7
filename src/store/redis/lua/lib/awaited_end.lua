--@include lib/write_many.lua
-- Triggers with a fixed delay after completion: nothing of them is due before their execution has ended. Its
-- record is marked by a last field `w` of the fixed line.
local moved_triggers, moved_due, first_moved_due = new_list(), new_list(), math.huge
-- A leader that reads ahead finds by itself what is due later than this.
local HINT_WITHIN_MS = 10000

-- The record with the mark.
local function awaited_record(record)
  if string.find(record, '^[^\n]*\n[^\n]*|w\n') then
    return record
  end
  return (string.gsub(record, '^([^\n]*\n[^\n]*)', '%1|w', 1))
end

-- Makes the trigger due that waits for the end of this execution, if any. `lines` is its record from the fixed
-- line on. One that was deleted, paused, finished, or has fired again since, stays as it is.
local function end_awaited(keys, id, lines, now)
  local job, name = string.match(lines, '^\n[^|]*|([^|]*)|([^|]*)|%d*|w\n')
  if not job then
    return
  end
  local trigger = job .. '/' .. name
  local version, watermark, fire_count, last, definition =
    string.match(redis.call('HGET', keys.triggers, trigger) or '', '^(%d+)|(%d+)|(%d+)|(%d*)\n(.*)$')
  local delay = string.match(definition or '', '^w(%d+)')
  if not delay or last ~= string.match(id, '^%d+%-(%d+)%-') or redis.call('ZSCORE', keys.expiry, 't:' .. trigger) then
    return
  end
  -- `data` comes last, and is the only field in which a bar does not begin another.
  local rules = string.match(definition, '^(.-)|d') or definition
  if string.find(rules, '|p', 1, true) then
    return
  end
  local from = math.max(tonumber(watermark), now)
  -- Bounds, jitter and calendars are for the leader to ask, at once.
  local due_at = string.find(rules, '|[flnjk]') and from or from + tonumber(delay)
  add_pair(moved_triggers, trigger, version .. '|' .. instant_text(from) .. '|' .. fire_count .. '|' .. last .. '\n' .. definition)
  add_pair(moved_due, instant_text(due_at), trigger)
  first_moved_due = math.min(first_moved_due, due_at - now)
end

local function write_awaited(keys, wake_channel)
  write_many('HSET', keys.triggers, moved_triggers)
  write_many('ZADD', keys.due, moved_due)
  if first_moved_due < HINT_WITHIN_MS then
    redis.call('PUBLISH', wake_channel, '')
  end
end
