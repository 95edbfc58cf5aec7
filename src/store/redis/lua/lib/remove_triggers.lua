--@include lib/write_many.lua
--@include lib/trigger_index.lua
-- Removes triggers of one job by name; names that do not exist are passed over. Returns how many went.
local function remove_triggers(keys, job, names)
  local removed, members, finished = {}, new_list(), new_list()
  for _, name in ipairs(names) do
    local member = job .. '/' .. name
    if redis.call('HDEL', keys.triggers, member) == 1 then
      removed[#removed + 1] = name
      add(members, member)
      add(finished, 't:' .. member)
    end
  end
  write_many('ZREM', keys.due, members)
  write_many('ZREM', keys.expiry, finished)
  change_index(keys.trigger_names, job, {}, removed)
  return #removed
end
