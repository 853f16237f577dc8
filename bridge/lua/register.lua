-- Registers a message that was received from SQS.
--
-- KEYS[1]  the message's entry (hash: state, handle, bridge, queue, received_at, copy, copy_queue)
-- KEYS[2]  the messages in flight (sorted set: message id, score = when it was registered, ms)
-- ARGV     message id, receipt handle, bridge, queue, now (ms), lifetime (ms), what the names of
--          Dramatiq's keys begin with
--
-- Replies  'new'           it was not known, or its last run failed: enqueue it
--          'not_enqueued'  it was registered, but its bridge may have died before enqueueing it;
--                          or its copy in Dramatiq's queue is lost: enqueue it
--          'in_flight'     it is being worked on; its entry has the newer receipt handle now
--          'done'          it was carried out: delete it
--
-- Keeps: an entry in state 'registered' or 'enqueued' has the newest receipt handle that SQS gave
-- out, and is among those in flight, for at most its lifetime.

local state = redis.call('HGET', KEYS[1], 'state')

if state == 'done' then
    return 'done'
end

if state == 'registered' or state == 'enqueued' then
    redis.call('HSET', KEYS[1], 'handle', ARGV[2], 'bridge', ARGV[3], 'queue', ARGV[4])
    local copy = redis.call('HMGET', KEYS[1], 'copy', 'copy_queue', 'received_at')
    if state == 'registered' or (copy[1] and copy[2]
            and redis.call('HEXISTS', ARGV[7] .. ':' .. copy[2] .. '.msgs', copy[1]) == 0) then
        -- One that was lost may have been taken from those in flight, to make room for it.
        redis.call('ZADD', KEYS[2], copy[3] or ARGV[5], ARGV[1])
        return 'not_enqueued'
    end
    return 'in_flight'
end

redis.call('HSET', KEYS[1], 'state', 'registered', 'handle', ARGV[2], 'bridge', ARGV[3],
    'queue', ARGV[4], 'received_at', ARGV[5])
redis.call('PEXPIRE', KEYS[1], ARGV[6])
redis.call('ZADD', KEYS[2], ARGV[5], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', ARGV[5] - ARGV[6])
return 'new'
