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

-- The lines with another result or error; an empty text leaves what is there.
local function with_outcome(lines, result, error_text)
  if result == '' and error_text == '' then
    return lines
  end
  local result_at = string.find(lines, '\n', string.find(lines, '\n', 2, true) + 1, true)
  local error_at = string.find(lines, '\n', result_at + 1, true)
  if result == '' then
    result = string.sub(lines, result_at + 1, error_at - 1)
  end
  if error_text == '' then
    error_text = string.sub(lines, error_at + 1)
  end
  return string.sub(lines, 1, result_at) .. result .. '\n' .. error_text
end

-- The lines without an error.
local function without_error(lines)
  return string.match(lines, '^(.*\n)[^\n]*$')
end
