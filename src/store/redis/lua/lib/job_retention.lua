-- How long records of a job are kept when no worker says so, in ms: of succeeded (also cancelled) and of failed
-- ones. For a job that is gone, what a job has that says nothing.
local function job_retention(jobs_key, job)
  local stored = redis.call('HGET', jobs_key, job)
  local succeeded, failed = string.match(stored or '', '^%d[^\n]*|(%d+)|(%d+)\n')
  return tonumber(succeeded or 86400000), tonumber(failed or 604800000)
end
