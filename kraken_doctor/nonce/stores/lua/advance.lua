-- Set the mark to max(mark + 1, floor) and return it.
-- KEYS[1] mark; ARGV[1] floor, decimal text.
-- With KEYS[2] holder, ARGV[2] token and ARGV[3] lease ms: only while the token holds the turn, else -1 is returned; and
-- the lease begins anew. KEYS[3] list, ARGV[4] most lines, ARGV[5...]: audit records to keep, whatever becomes of the
-- nonce.

if KEYS[2] then
  keep_records(KEYS[3], 4)
  if redis.call('GET', KEYS[2]) ~= ARGV[2] then
    return -1
  end
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
end
return next_nonce(KEYS[1], ARGV[1])
