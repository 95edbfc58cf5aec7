-- An execution as text (execution-codec.ts): a state line of twelve fields, the fixed line, and the lines data,
-- result and error.
local STATE, ATTEMPT, MAX_ATTEMPTS, TOKEN, WORKER, STARTED_AT = 1, 2, 3, 6, 7, 8
local FINISHED_AT, REASON, CANCEL, SETTLED_BY = 9, 10, 11, 12

local STATE_LINE = '^([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^\n]*)()'

-- Returns the twelve fields as texts, and the lines below them with the line break before each.
local function open_record(record)
  local fields = { string.match(record, STATE_LINE) }
  local rest = string.sub(record, fields[13])
  fields[13] = nil
  return fields, rest
end

local function close_record(fields, rest)
  return table.concat(fields, '|') .. rest
end

-- Job and order (`lane ppp<due>`) from the fixed line.
local function job_of(rest)
  return string.match(rest, '^\n[^|]*|([^|]*)')
end

local function order_of(rest)
  return string.sub(rest, 2, string.find(rest, '|', 1, true) - 1)
end

-- The lines with another result or error; nil leaves what is there.
local function with_outcome(rest, result, error_text)
  local data_line = string.find(rest, '\n', 2, true)
  local result_line = string.find(rest, '\n', data_line + 1, true)
  local error_line = string.find(rest, '\n', result_line + 1, true)
  return string.sub(rest, 1, result_line) .. (result or string.sub(rest, result_line + 1, error_line - 1))
    .. '\n' .. (error_text or string.sub(rest, error_line + 1))
end
