-- Notes that a message was enqueued, and as which copy. Its actor may have ended before this is
-- noted. A message has another copy in Dramatiq's queues each time it is enqueued: at first, for
-- a retry, and when its delay is over.
--
-- KEYS[1]  the message's entry
-- ARGV     the copy's id, its queue
--
-- Keeps: a message that has ended is never turned back into one that is in flight.

local state = redis.call('HGET', KEYS[1], 'state')
if state == 'registered' or state == 'enqueued' then
    redis.call('HSET', KEYS[1], 'state', 'enqueued', 'copy', ARGV[1], 'copy_queue', ARGV[2])
end
