-- A backfill as text (backfill-codec.ts): a state line of seven fields, the request as JSON.
local function open_backfill(record)
  return string.match(record or '', '^(%l+)|(%-?%d+)|(%d+)|(%d+)|([^|]*)|(%d*)|([^\n]*)\n(.*)$')
end
