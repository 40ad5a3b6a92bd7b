-- Take the turn and its first nonce, or a place in the queue.
-- KEYS[1] mark, KEYS[2] holder, KEYS[3] list of audit records, KEYS[4] queue; ARGV[1] floor, empty if no nonce is wanted,
-- ARGV[2] token, ARGV[3] lease ms, ARGV[4] heartbeat ms, ARGV[5] prefix of heartbeats, ARGV[6] most audit records,
-- ARGV[7...] audit records to keep.
-- Returns the nonce, or 0, when the turn is ours, else minus the ms in which to look again.
--
-- Called again while waiting: it renews our heartbeat, and takes the turn when the holder's lease has run out and
-- everybody before us in the queue has gone.

local holder, queue, token, lease, heartbeats = KEYS[2], KEYS[4], ARGV[2], ARGV[3], ARGV[5]

local function first_nonce()
  if ARGV[1] == '' then
    return 0
  end
  return next_nonce(KEYS[1], ARGV[1])
end

keep_records(KEYS[3], 6)
local held = redis.call('GET', holder)
if held == token then
  redis.call('PEXPIRE', holder, lease) -- handed to us since we last looked: accepted, for a whole lease
  return first_nonce()
end
if not held then
  local first = redis.call('LINDEX', queue, 0)
  -- Who is before us and without a heartbeat died while waiting; who is alive will look.
  while first and first ~= token and redis.call('EXISTS', heartbeats .. first) == 0 do
    redis.call('LPOP', queue)
    first = redis.call('LINDEX', queue, 0)
  end
  if not first or first == token then
    if first then
      redis.call('LREM', queue, 0, token)
    end
    redis.call('SET', holder, token, 'PX', lease)
    return first_nonce()
  end
end
redis.call('SET', heartbeats .. token, '1', 'PX', ARGV[4])
if not redis.call('LPOS', queue, token) then
  redis.call('RPUSH', queue, token)
  redis.call('PEXPIRE', queue, 86400000)
end
return -math.max(1, redis.call('PTTL', holder) + 1) -- when the lease has run out, should its holder be dead
