--@include lib/codes.lua
--@include lib/read_many.lua
--@include lib/write_many.lua
--@include lib/trigger_index.lua
-- Whether all of `writes` (as below) stand as they are given.
local function are_written(keys, job, writes)
  for i = 1, #writes, 4 do
    local old = redis.call('HGET', keys.triggers, job .. '/' .. writes[i])
    if not old or string.match(old, '^[^\n]*\n(.*)$') ~= writes[i + 1] then
      return false
    end
  end
  return true
end

-- Triggers that `writes` (as below) would replace while they are due: what is due of them is not decided.
local function undecided(keys, job, writes, now)
  local found = {}
  for i = 1, #writes, 4 do
    local member = job .. '/' .. writes[i]
    local due_at = redis.call('ZSCORE', keys.due, member)
    if due_at and tonumber(due_at) <= now then
      local old = redis.call('HGET', keys.triggers, member)
      if old and string.match(old, '^[^\n]*\n(.*)$') ~= writes[i + 1] then
        found[#found + 1] = member
      end
    end
  end
  return found
end

-- Writes triggers of one job. `writes` holds for each: name, packed definition, watermark, due instant (or '').
-- What is equal to what is stored stays untouched. Returns an outcome for each, and whether any was written.
local function write_triggers(keys, job, writes)
  local members = new_list()
  for i = 1, #writes, 4 do
    add(members, job .. '/' .. writes[i])
  end
  local stored = read_many(keys.triggers, members, 1, members.count)
  local outcomes, added = {}, {}
  local values, due, not_due, not_finished = new_list(), new_list(), new_list(), new_list()
  for index, member in ipairs(members) do
    local at = index * 4 - 3
    local packed, watermark, due_at = writes[at + 1], writes[at + 2], writes[at + 3]
    local old = stored[index]
    local version, old_watermark, counts, old_packed = 0, nil, '0|', nil
    if old then
      version, old_watermark, counts, old_packed = string.match(old, '^(%d+)|(%d+)|([^\n]*)\n(.*)$')
    end
    if old_packed == packed then
      outcomes[index] = UNCHANGED
    else
      outcomes[index] = old and CHANGED or CREATED
      if old_watermark and tonumber(old_watermark) > tonumber(watermark) then
        watermark = old_watermark
      end
      add_pair(values, member, (version + 1) .. '|' .. watermark .. '|' .. counts .. '\n' .. packed)
      if due_at ~= '' then
        add_pair(due, due_at, member)
      elseif old then
        add(not_due, member)
      end
      if old then
        add(not_finished, 't:' .. member)
      else
        added[#added + 1] = writes[at]
      end
    end
  end
  write_many('HSET', keys.triggers, values)
  write_many('ZADD', keys.due, due)
  change_index(keys.trigger_names, job, added, {})
  write_many('ZREM', keys.due, not_due)
  write_many('ZREM', keys.expiry, not_finished)
  return outcomes, values.count > 0
end
