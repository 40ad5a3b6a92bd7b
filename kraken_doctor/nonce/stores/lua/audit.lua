-- Keep audit records, the newest first, and not more than so many.
-- KEYS[1] list; ARGV[1] most lines, ARGV[2...] records.

for i = 2, #ARGV do
  redis.call('LPUSH', KEYS[1], ARGV[i])
end
redis.call('LTRIM', KEYS[1], 0, ARGV[1] - 1)
