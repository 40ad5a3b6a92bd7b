-- Keep audit records, the newest first, and not more than so many.
-- KEYS[1] list; ARGV[1] most lines, ARGV[2...] records.

keep_records(KEYS[1], 1)
