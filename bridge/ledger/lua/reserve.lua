-- Reserves room in flight for messages that a bridge is about to receive.
--
-- KEYS[1]  the messages in flight (sorted set: message id, score = when it was dispatched, ms)
-- KEYS[2]  what the bridges have reserved (hash: bridge → "number:until when (ms)")
-- KEYS[3]  the list of the acknowledgements of the bridge's SQS queue
-- KEYS[4]  the sign that bridges are taking what SQS has
-- KEYS[5]  the sign that they have begun again to take it
-- ARGV     bridge, number wanted, most in flight, now (ms), lifetime (ms), when the reservation
--          ends (ms), how many acknowledgements take up no room: they are about to be taken;
--          whether the bridge has dealt with a receive since its last reservation (0 or 1), how
--          long the first sign is kept (ms), how old it may get (ms), how long the second one is
--          kept (ms)
--
-- Replies with the number granted. A bridge's new reservation replaces its last one.
--
-- Signs are as old as their expiries say, by Redis's own clock.
--
-- Keeps: messages in flight, those that SQS does not delete, and reservations of all bridges never
-- exceed the most in flight.

local bridge, wanted, at_most = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local now, lifetime, until_ms = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])

local room = at_most - redis.call('ZCOUNT', KEYS[1], now - lifetime, '+inf')
room = room - math.max(0, redis.call('LLEN', KEYS[3]) - tonumber(ARGV[7]))
local reserved = redis.call('HGETALL', KEYS[2])
for position = 1, #reserved, 2 do
    local number, holds_until = string.match(reserved[position + 1], '(%d+):(%d+)')
    if tonumber(holds_until) < now then
        redis.call('HDEL', KEYS[2], reserved[position])
    elseif reserved[position] ~= bridge then
        room = room - number
    end
end

local granted = math.max(0, math.min(wanted, room))
redis.call('HSET', KEYS[2], bridge, string.format('%d:%.0f', granted, until_ms))
redis.call('PEXPIRE', KEYS[2], lifetime)

if granted > 0 and ARGV[8] == '1' then
    local kept, left = tonumber(ARGV[9]), redis.call('PTTL', KEYS[4])
    if left >= 0 and kept - left > tonumber(ARGV[10]) then
        redis.call('SET', KEYS[5], 1, 'PX', ARGV[11])
    end
    redis.call('SET', KEYS[4], 1, 'PX', kept)
end
return granted
