--@include lib/codes.lua
-- Compares the epoch of a call with the fence. Returns nil when the call may go on, and raises the fence if the
-- epoch is larger; else the answer to give, before anything was written.
local function refuse_stale_epoch(fence_key, epoch)
  local fence = tonumber(redis.call('HGET', fence_key, 'epoch') or 0)
  if epoch < fence then
    return { FENCED, fence }
  end
  if epoch > fence then
    redis.call('HSET', fence_key, 'epoch', epoch, 'member', '', 'sealedAt', '')
  end
  return nil
end
