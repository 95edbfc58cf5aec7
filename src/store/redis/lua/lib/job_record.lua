-- A job as text (job-codec.ts): a state line of nine fields, the definition as JSON, the reason of its pause.
-- A job that is being deleted is stored as `-`, a partitioned one as `-`, its creation and its version.
local function is_deleting(record)
  return string.sub(record, 1, 1) == '-'
end

-- Whether the triggers of the job are spread over all shards; `text` may also be the facts of the state line alone.
local function is_partitioned(text)
  return string.find(text, '^[^\n]*|p|%d+|%d+') ~= nil
end

local function job_version(record)
  return record and tonumber(string.match(record, '^%d+')) or 0
end

-- Returns version, createdAt, pausedSince, resumedAt, facts, definition, pause reason.
local function open_job(record)
  return string.match(record, '^(%d+)|(%d+)|%d+|(%d*)|(%d*)|([^\n]*)\n([^\n]*)\n(.*)$')
end
