--@include lib/write_many.lua
--@include lib/ready_hints.lua
-- What a fire call is going to write, collected so that each key is written with few commands.
local records, ready_members, history_members, ended = new_list(), new_list(), new_list(), new_list()
local trigger_records, next_due, not_due = new_list(), new_list(), new_list()

local function add_record(job, id, record)
  add_pair(records, id, record)
  add_pair(history_members, '0', job .. '/' .. id)
end

-- A record that waits for a worker; `head` is its state line up to the epoch.
local function add_queued(job, id, head, order, lines)
  add_record(job, id, head .. '|||||||\n' .. order .. lines)
  add_pair(ready_members, '0', order .. ' ' .. id)
  hint_lane(order)
end

-- A record of a fire that does not run; `ending` is its state line from the epoch on.
local function add_ended(job, id, head, ending, order_and_lines, kept_until)
  add_record(job, id, head .. ending .. '\n' .. order_and_lines)
  add_pair(ended, kept_until, 'x:' .. id)
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
