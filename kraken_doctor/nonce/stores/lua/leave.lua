-- Give up the turn or the place in the queue; hand the turn to whoever has waited longest and is alive.
-- KEYS[1] holder, KEYS[2] queue; ARGV[1] token, ARGV[2] prefix of heartbeats, ARGV[3] prefix of wake-ups,
-- ARGV[4] ms in which the next one must accept: it may have died since it last showed that it waits.

if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  -- Not ours: never granted, or the lease ran out, and it may be somebody else's by now.
  redis.call('LREM', KEYS[2], 0, ARGV[1])
  redis.call('DEL', ARGV[2] .. ARGV[1])
  return 0
end
while true do
  local next = redis.call('LPOP', KEYS[2])
  if not next then
    redis.call('DEL', KEYS[1])
    return 1
  end
  if redis.call('EXISTS', ARGV[2] .. next) == 1 then
    redis.call('SET', KEYS[1], next, 'PX', ARGV[4])
    redis.call('RPUSH', ARGV[3] .. next, '1')
    redis.call('PEXPIRE', ARGV[3] .. next, ARGV[4])
    return 1
  end
end
