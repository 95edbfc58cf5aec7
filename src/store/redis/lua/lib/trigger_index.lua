-- The index of a job's triggers: their number, and their names while there are at most 32 (`*` stands for more,
-- and stays until none is left).
local function read_index(names_key, job)
  local entry = redis.call('HGET', names_key, job)
  if not entry then
    return 0, {}
  end
  local count, names = string.match(entry, '^(%d+) (.*)$')
  if names == '*' then
    return tonumber(count), nil
  end
  local list = {}
  for name in string.gmatch(names, '%S+') do
    list[#list + 1] = name
  end
  return tonumber(count), list
end

-- `added` and `removed` hold names that really came and went, each once.
local function change_index(names_key, job, added, removed)
  if #added + #removed == 0 then
    return
  end
  local count, names = read_index(names_key, job)
  count = count + #added - #removed
  if count <= 0 then
    redis.call('HDEL', names_key, job)
    return
  end
  local text = '*'
  if names and count <= 32 then
    local gone = {}
    for _, name in ipairs(removed) do
      gone[name] = true
    end
    local kept = {}
    for _, name in ipairs(names) do
      if not gone[name] then
        kept[#kept + 1] = name
      end
    end
    for _, name in ipairs(added) do
      kept[#kept + 1] = name
    end
    text = table.concat(kept, ' ')
  end
  redis.call('HSET', names_key, job, count .. ' ' .. text)
end
