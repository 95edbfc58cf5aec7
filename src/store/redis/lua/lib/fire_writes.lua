--@include lib/write_many.lua
--@include lib/ready_hints.lua
-- What a fire call is going to write, collected so that each key is written with few commands.
local records, ready_members, history_members, ended, trigger_records, next_due, not_due = {}, {}, {}, {}, {}, {}, {}

local function add_pair(list, first, second)
  local count = #list
  list[count + 1] = first
  list[count + 2] = second
end

local function add_record(job, id, record)
  add_pair(records, id, record)
  add_pair(history_members, 0, job .. '/' .. id)
end

-- A record that waits for a worker; `head` is its state line up to the epoch.
local function add_queued(job, id, head, order, lines)
  add_record(job, id, head .. '|||||||\n' .. order .. lines)
  add_pair(ready_members, 0, order .. ' ' .. id)
  hint_lane(order)
end

-- A record of a fire that does not run.
local function add_ended(job, id, head, reason, order_and_lines, now, retention_ms)
  add_record(job, id, head .. '||||' .. now .. '|' .. reason .. '||\n' .. order_and_lines)
  add_pair(ended, now + retention_ms, 'x:' .. id)
end

-- Writes that need memory come before those that free it: out of memory then stops the script before any.
local function write_all(triggers, due, executions, ready, history, expiry)
  write_many('HSET', executions, records)
  write_many('ZADD', ready, ready_members)
  write_many('ZADD', history, history_members)
  write_many('HSET', triggers, trigger_records)
  write_many('ZADD', due, next_due)
  write_many('ZADD', expiry, ended)
  write_many('ZREM', due, not_due)
end
