-- Set the mark to max(mark + 1, floor) and return it.
-- KEYS[1] mark; ARGV[1] floor, decimal text.
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
return nonce
