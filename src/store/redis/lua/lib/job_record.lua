-- A job as text (job-codec.ts): a state line of nine fields, the definition as JSON, the reason of its pause.
-- A job that is being deleted is stored as `-`.
local function is_deleting(record)
  return record == '-'
end

local function job_version(record)
  return record and tonumber(string.match(record, '^%d+')) or 0
end

-- Returns version, createdAt, pausedSince, resumedAt, facts, definition, pause reason.
local function open_job(record)
  return string.match(record, '^(%d+)|(%d+)|%d+|(%d*)|(%d*)|([^\n]*)\n([^\n]*)\n(.*)$')
end
