-- Notes that a message in flight was enqueued anew, and as which copy: it has another one in
-- Dramatiq's queues for each retry, and when its delay is over.
--
-- KEYS[1]  the message's entry
-- ARGV     the copy's id, its queue
--
-- Keeps: a message that has ended is never turned back into one that is in flight.

if redis.call('HGET', KEYS[1], 'state') == 'enqueued' then
    redis.call('HSET', KEYS[1], 'copy', ARGV[1], 'copy_queue', ARGV[2])
end
