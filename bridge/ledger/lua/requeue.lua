-- Requeues a dead letter: moves it back to its queue. Needs dead_letters.lua.
--
-- KEYS[1]  Dramatiq's dead letters of the queue (sorted set)
-- KEYS[2]  their messages (hash)
-- KEYS[3]  its reason
-- KEYS[4]  the bytes of the dead letters
-- KEYS[5]  the queue (list)
-- KEYS[6]  its messages (hash)
--          and for a message from SQS:
-- KEYS[7]  the message's entry
-- KEYS[8]  the messages in flight
-- KEYS[9]  the message's delivery attempts
-- KEYS[10]  the id of its dead letter
-- ARGV     the dead letter's id, the new message's id in Redis, the new message,
--          the SQS message's id ('' for none), now (ms), lifetime (ms),
--          how long dead letters are kept (ms)
--
-- Replies  'requeued'
--          'gone'       the dead letter no longer exists
--          'in_flight'  SQS delivered the message again; that attempt decides about this letter
--          'done'       it was processed meanwhile; the dead letter is removed
--
-- Keeps: a message in flight is never enqueued a second time. A requeued message is in flight, so
-- SQS's next delivery only brings a newer receipt handle.

local id, new_id, message, sqs_id, now, lifetime =
    ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]

if not redis.call('ZSCORE', KEYS[1], id) then
    return 'gone'
end

local state = sqs_id ~= '' and redis.call('HGET', KEYS[7], 'state')
if state == 'enqueued' then
    redis.call('SET', KEYS[10], id, 'PX', ARGV[7], 'NX')
    return 'in_flight'
end

local function bury()
    remove_dead_letter(KEYS[1], KEYS[2], KEYS[4], id)
    redis.call('DEL', KEYS[3])
    if sqs_id ~= '' and redis.call('GET', KEYS[10]) == id then
        redis.call('DEL', KEYS[10])
    end
end

if state == 'done' then
    bury()
    return 'done'
end

-- The queue comes first: if one of these calls fails, the message is enqueued twice rather than
-- not at all.
redis.call('HSET', KEYS[6], new_id, message)
redis.call('RPUSH', KEYS[5], new_id)
if sqs_id ~= '' then
    -- The last delivery's receipt handle stays: SQS accepts it until the next delivery.
    redis.call('HSET', KEYS[7], 'state', 'enqueued', 'received_at', now,
        'copies', string.match(KEYS[5], ':(.*)$') .. '/' .. new_id)
    redis.call('PEXPIRE', KEYS[7], lifetime)
    redis.call('ZADD', KEYS[8], now, sqs_id)
    redis.call('DEL', KEYS[9])
end
bury()
return 'requeued'
