-- Take the turn, or a place in the queue. Returns 0 when the turn is ours, else in how many ms to look again.
-- KEYS[1] holder, KEYS[2] queue; ARGV[1] token, ARGV[2] lease ms, ARGV[3] heartbeat ms, ARGV[4] prefix of heartbeats.
--
-- Called again while waiting: it renews our heartbeat, and takes the turn when the holder's lease has run out and
-- everybody before us in the queue has gone.

if redis.call('GET', KEYS[1]) == ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[2]) -- handed to us since we last looked: accepted, for a whole lease
  return 0
end
redis.call('SET', ARGV[4] .. ARGV[1], '1', 'PX', ARGV[3])
if redis.call('EXISTS', KEYS[1]) == 0 then
  while true do
    local first = redis.call('LINDEX', KEYS[2], 0)
    if not first or first == ARGV[1] then
      break
    end
    if redis.call('EXISTS', ARGV[4] .. first) == 1 then
      break -- somebody before us is alive, and will look
    end
    redis.call('LPOP', KEYS[2]) -- died while waiting
  end
  local first = redis.call('LINDEX', KEYS[2], 0)
  if not first or first == ARGV[1] then
    redis.call('LREM', KEYS[2], 0, ARGV[1])
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
    return 0
  end
end
if not redis.call('LPOS', KEYS[2], ARGV[1]) then
  redis.call('RPUSH', KEYS[2], ARGV[1])
  redis.call('PEXPIRE', KEYS[2], 86400000)
end
return math.max(1, redis.call('PTTL', KEYS[1]) + 1) -- when the lease has run out, should its holder be dead
