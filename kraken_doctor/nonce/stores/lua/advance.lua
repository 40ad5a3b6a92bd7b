-- Set the mark to max(mark + 1, floor) and return it.
-- KEYS[1] mark; ARGV[1] floor, decimal text.
-- With KEYS[2] holder, ARGV[2] token and ARGV[3] lease ms: only while the token holds the turn, else nothing is
-- returned; and the lease begins anew. KEYS[3] list, ARGV[4] most lines, ARGV[5...]: audit records to keep, whatever
-- becomes of the nonce.
--
-- Everything stays text: Lua counts in doubles, exact to 53 bits only, and tostring() of a 16-digit nonce is
-- "1.77e+15", which the next comparison would read as smaller. INCR is exact, but signed: 63 bits.

local MAX = '18446744073709551615' -- 2^64 - 1

local function above(a, b)
  return #a > #b or (#a == #b and a > b)
end

local function successor(text)
  local head, nines = string.match(text, '^(%d-)(9*)$')
  local zeros = string.rep('0', #nines)
  if head == '' then
    return '1' .. zeros
  end
  return string.sub(head, 1, -2) .. string.format('%d', tonumber(string.sub(head, -1)) + 1) .. zeros
end

if KEYS[2] then
  if #ARGV > 4 then
    for i = 5, #ARGV do
      redis.call('LPUSH', KEYS[3], ARGV[i])
    end
    redis.call('LTRIM', KEYS[3], 0, ARGV[4] - 1)
  end
  if redis.call('GET', KEYS[2]) ~= ARGV[2] then
    return false
  end
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
end
local nonce = ARGV[1]
local mark = redis.call('GET', KEYS[1])
if mark then
  if not string.match(mark, '^%d+$') then
    return redis.error_reply('NOTAMARK what is stored for this key is no number')
  end
  local next = successor(mark)
  if above(next, nonce) then
    nonce = next
  end
end
if above(nonce, MAX) then
  return redis.error_reply('EXHAUSTED the next nonce would be above 2^64 - 1')
end
redis.call('SET', KEYS[1], nonce)
return { ok = nonce } -- a status reply: one line, which a client reads in one go; the text of a bulk reply takes two
