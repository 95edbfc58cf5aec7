-- Returns epoch, top and cut of a mailbox. Where there is none, one starts under `new_epoch`, and what is left
-- of an older one goes: its numbers mean nothing any more.
local function open_mailbox(mailbox, messages, acknowledged, receipts, new_epoch)
  local state = redis.call('HMGET', mailbox, 'epoch', 'top', 'cut')
  if state[1] then
    return state[1], tonumber(state[2]), tonumber(state[3])
  end
  redis.call('DEL', messages, acknowledged, receipts)
  redis.call('HSET', mailbox, 'epoch', new_epoch, 'top', 0, 'cut', 0)
  return new_epoch, 0, 0
end
