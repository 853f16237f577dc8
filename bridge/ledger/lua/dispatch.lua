-- Dispatches a message received from SQS: records it and enqueues it. Needs queue_entries.lua.
--
-- KEYS[1]  the message's entry (hash: state, handle, bridge, queue, received_at, copies,
--          had_second_chance)
-- KEYS[2]  the messages in flight (sorted set: message id, score = when it was dispatched, ms)
-- KEYS[3]  Dramatiq's queue (list)
-- KEYS[4]  its messages (hash)
-- KEYS[5]  the message's delivery attempts
-- KEYS[6]  the id of the message's dead letter, if it has one
-- KEYS[7]  the messages of the dead letters of Dramatiq's queue (hash)
-- ARGV     message id, receipt handle, bridge, queue, now (ms), lifetime (ms), prefix of Dramatiq's
--          keys, the queue entry's id, the encoded Dramatiq message, whether this is a replay
--          ('1' or '0'), which resets the delivery attempts once and runs failed messages, for how
--          long a failed message stays hidden (ms)
--
-- Replies  'enqueued'   it was unknown, or all its queue entries were lost, or it had failed and its
--                       dead letter is gone
--          'in_flight'  it is being processed; the newer receipt handle is recorded
--          'done'       it was processed before: delete it
--          'failed'     it failed before and its dead letter exists: hide it
--
-- Keeps: a message in state 'enqueued' or 'failed' has the newest receipt handle from SQS. One in
-- state 'enqueued' is in flight for at most its lifetime, and was in Dramatiq's queue when it
-- entered that state.

local id, handle, bridge, queue, now, lifetime = unpack(ARGV, 1, 6)
local namespace, entry, message, is_replay, hidden = unpack(ARGV, 7, 11)

local state = redis.call('HGET', KEYS[1], 'state')
if state == 'done' then
    return 'done'
end

if state == 'enqueued' then
    redis.call('HSET', KEYS[1], 'handle', handle, 'bridge', bridge, 'queue', queue)
    if #still_queued(namespace, redis.call('HGET', KEYS[1], 'copies')) > 0 then
        return 'in_flight'
    end
end

local function has_dead_letter()
    local dead_letter = redis.call('GET', KEYS[6])
    -- Until Dramatiq has moved it, it is still among the messages of its queue.
    return dead_letter and (redis.call('HEXISTS', KEYS[7], dead_letter) == 1
        or redis.call('HEXISTS', KEYS[4], dead_letter) == 1)
end

if state ~= 'enqueued' and is_replay ~= '1' and has_dead_letter() then
    redis.call('HSET', KEYS[1], 'state', 'failed', 'handle', handle, 'bridge', bridge,
        'queue', queue, 'received_at', now)
    redis.call('PEXPIRE', KEYS[1], hidden)
    return 'failed'
end

-- The queue comes first: if one of these calls fails, the message is enqueued twice rather than
-- not at all.
redis.call('HSET', KEYS[4], entry, message)
redis.call('RPUSH', KEYS[3], entry)
redis.call('HSET', KEYS[1], 'copies', string.match(KEYS[3], ':(.*)$') .. '/' .. entry)
if is_replay == '1' and redis.call('HSETNX', KEYS[1], 'had_second_chance', 1) == 1 then
    redis.call('DEL', KEYS[5])
end
if state ~= 'enqueued' then
    redis.call('HSET', KEYS[1], 'state', 'enqueued', 'handle', handle, 'bridge', bridge,
        'queue', queue, 'received_at', now)
    redis.call('PEXPIRE', KEYS[1], lifetime)
    redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - lifetime)
end
-- A lost message may have been dropped from those in flight.
redis.call('ZADD', KEYS[2], redis.call('HGET', KEYS[1], 'received_at'), id)
return 'enqueued'
