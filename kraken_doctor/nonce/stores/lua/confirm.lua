-- Whether the turn still is ours; if so, for a whole lease from now on.
-- KEYS[1] holder; ARGV[1] token, ARGV[2] lease ms.

if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
