-- What the steps share; their text follows.
--
-- Nonces stay text: Lua counts in doubles, exact to 53 bits only, and tostring() of a 16-digit nonce is "1.77e+15",
-- which the next comparison would read as smaller. INCR is exact, but signed: 63 bits.

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

-- Set a mark to max(mark + 1, floor) and return it.
local function next_nonce(key, floor)
  local nonce = floor
  local mark = redis.call('GET', key)
  if mark then
    if not string.match(mark, '^%d+$') then
      return redis.error_reply('NOTAMARK what is stored for this key is no number')
    end
    if not above(nonce, mark) then
      nonce = successor(mark)
    end
  end
  if above(nonce, MAX) then
    return redis.error_reply('EXHAUSTED the next nonce would be above 2^64 - 1')
  end
  redis.call('SET', key, nonce)
  return { ok = nonce } -- a status reply: one line, which a client reads in one go; the text of a bulk reply takes two
end

-- Keep the audit records ARGV[first + 1...], the newest first, and not more than ARGV[first] of them.
local function keep_records(list, first)
  if #ARGV > first then
    local lines = 0
    for i = first + 1, #ARGV do
      lines = redis.call('LPUSH', list, ARGV[i])
    end
    if lines > tonumber(ARGV[first]) then
      redis.call('LTRIM', list, 0, ARGV[first] - 1)
    end
  end
end

