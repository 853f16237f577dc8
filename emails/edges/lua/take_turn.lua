-- Takes a turn to send, or a place in the line of those that wait for one.
--
-- KEYS[1]  the line of those that go first (sorted set: ticket, score = order of arrival)
-- KEYS[2]  the line of the others
-- KEYS[3]  when each was last here (sorted set: ticket, ms)
-- KEYS[4]  next: when the next turn is due (ms); passed: how many went first since one of the others
--          did; arrived: how many have come (hash)
-- ARGV     ticket, whether it goes first ('1' or '0'), turns in a second, now (ms; '': by Redis's
--          clock), whether it leaves the line ('1' or '0')
--
-- Replies  0 if it is this ticket's turn, which is taken then, or in how many ms that may be.
--
-- Keeps: in any second there are no more turns than allowed, one, and a tenth more. While anybody waits
-- there are no fewer; each line keeps its order; the others get at least every tenth turn.

local STALE, SLACK, OTHERS = 2000, 100, 9

local ticket, goes_first, gap = ARGV[1], ARGV[2] == '1', 1000 / tonumber(ARGV[3])
local now = tonumber(ARGV[4])
if not now then
    local time = redis.call('TIME')
    now = time[1] * 1000 + time[2] / 1000
end

local function leave(one)
    redis.call('ZREM', KEYS[1], one)
    redis.call('ZREM', KEYS[2], one)
    redis.call('ZREM', KEYS[3], one)
end

if ARGV[5] == '1' then
    leave(ticket)
    return 0
end
for _, one in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now - STALE)) do
    leave(one)
end

-- Whoever is late for a turn delays nobody after it: while anybody waits, turns are made up for.
local is_empty = redis.call('ZCARD', KEYS[1]) + redis.call('ZCARD', KEYS[2]) == 0
local earliest = is_empty and now or now - math.max(gap, SLACK)

local line = goes_first and KEYS[1] or KEYS[2]
if not redis.call('ZSCORE', line, ticket) then
    redis.call('ZADD', line, redis.call('HINCRBY', KEYS[4], 'arrived', 1), ticket)
end
redis.call('ZADD', KEYS[3], string.format('%.0f', now), ticket)

local state = redis.call('HMGET', KEYS[4], 'next', 'passed')
local next_at = math.max(tonumber(state[1] or 0), earliest)
local passed = tonumber(state[2] or 0)
local others = redis.call('ZCARD', KEYS[2])
local is_others_turn = passed >= OTHERS and others > 0

local before = redis.call('ZRANK', line, ticket)
if goes_first and is_others_turn then
    before = before + 1
elseif not goes_first and not (is_others_turn and before == 0) then
    before = before + redis.call('ZCARD', KEYS[1])
end

for _, key in ipairs(KEYS) do
    redis.call('PEXPIRE', key, 60000)
end
local due_at = next_at + before * gap
redis.call('HSET', KEYS[4], 'next', string.format('%.3f', next_at))
if due_at > now then
    return math.ceil(due_at - now)
end
leave(ticket)
passed = goes_first and others > 0 and passed + 1 or 0
redis.call('HSET', KEYS[4], 'next', string.format('%.3f', next_at + gap), 'passed', passed)
return 0
