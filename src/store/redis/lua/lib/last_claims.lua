--@include lib/read_many.lua
-- The last claim of each worker, `<instant> <token> <id>...`, so that a call whose answer was lost can be
-- repeated. A claim that found nothing is not kept: its repetition may find something, and nothing is doubled.
local FORGET_AFTER_MS = 3600000

-- What a claim with this token holds still, as `claim` returned it; nil when there was no such claim.
local function repeated_claim(claims, executions, worker, token)
  local entry = redis.call('HGET', claims, worker)
  local last_token, list = string.match(entry or '', '^%d+ (%S+)(.*)$')
  if last_token ~= token then
    return nil
  end
  local ids = {}
  for id in string.gmatch(list, '%S+') do
    ids[#ids + 1] = id
  end
  local reply = {}
  for index, record in ipairs(read_many(executions, ids)) do
    if record and string.match(record, '^running|%d+|%d+|%d+|%d+|([^|]*)') == token then
      reply[#reply + 1] = ids[index]
      reply[#reply + 1] = record
    end
  end
  return reply
end

-- `granted` holds the end of the lease and the id for each. The first claim of a worker removes what workers that are gone have left.
local function remember_claim(claims, worker, token, granted, now_text)
  if redis.call('HEXISTS', claims, worker) == 0 then
    local found = redis.call('HSCAN', claims, 0, 'COUNT', 100)[2]
    for i = 1, #found, 2 do
      if tonumber(now_text) - tonumber(string.match(found[i + 1], '^%d+')) > FORGET_AFTER_MS then
        redis.call('HDEL', claims, found[i])
      end
    end
  end
  local ids = {}
  for i = 2, granted.count, 2 do
    ids[i / 2] = granted[i]
  end
  redis.call('HSET', claims, worker, now_text .. ' ' .. token .. ' ' .. table.concat(ids, ' '))
end
