-- Notes that a registered message was enqueued. Its actor may have ended before this is noted.
--
-- KEYS[1]  the message's entry
--
-- Keeps: a message that has ended is never turned back into one that is in flight.

if redis.call('HGET', KEYS[1], 'state') == 'registered' then
    redis.call('HSET', KEYS[1], 'state', 'enqueued')
end
