-- Gives a dead letter a new life: from the dead letters to its queue, whole or not at all.
--
-- KEYS[1]  Dramatiq's dead letters of the queue (sorted set)
-- KEYS[2]  their messages (hash)
-- KEYS[3]  the reason that was noted
-- KEYS[4]  the queue (list)
-- KEYS[5]  its messages (hash)
--          and for what came from SQS:
-- KEYS[6]  the message's entry
-- KEYS[7]  the messages in flight
-- KEYS[8]  how often the message was started
-- KEYS[9]  which dead letter the message left behind
-- ARGV     the dead letter's id, the new message's id in Redis, the new message,
--          the SQS message's id ('' if it came from elsewhere), now (ms), lifetime (ms),
--          how long dead letters are kept (ms)
--
-- Replies  'requeued'
--          'gone'       there is no such dead letter any more
--          'in_flight'  the message came again from SQS; what becomes of it decides about this one
--          'done'       it was carried out meanwhile; the dead letter is removed
--
-- Keeps: a message that is in flight is not enqueued beside itself. A message that is requeued is
-- in flight, so that SQS's next delivery of it brings a newer receipt handle and is not enqueued.

local id, new_id, message, sqs_id, now, lifetime =
    ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]

if not redis.call('ZSCORE', KEYS[1], id) then
    return 'gone'
end

local state = sqs_id ~= '' and redis.call('HGET', KEYS[6], 'state')
if state == 'enqueued' then
    redis.call('SET', KEYS[9], id, 'PX', ARGV[7], 'NX')
    return 'in_flight'
end

local function bury()
    redis.call('ZREM', KEYS[1], id)
    redis.call('HDEL', KEYS[2], id)
    redis.call('DEL', KEYS[3])
    if sqs_id ~= '' and redis.call('GET', KEYS[9]) == id then
        redis.call('DEL', KEYS[9])
    end
end

if state == 'done' then
    bury()
    return 'done'
end

-- The queue comes first: were one of these calls to fail, the message would be there twice, and
-- not nowhere.
redis.call('HSET', KEYS[5], new_id, message)
redis.call('RPUSH', KEYS[4], new_id)
if sqs_id ~= '' then
    -- The receipt handle of the last delivery stays, if it is known: SQS takes it until the next.
    redis.call('HSET', KEYS[6], 'state', 'enqueued', 'received_at', now,
        'copies', string.match(KEYS[4], ':(.*)$') .. '/' .. new_id)
    redis.call('PEXPIRE', KEYS[6], lifetime)
    redis.call('ZADD', KEYS[7], now, sqs_id)
    redis.call('DEL', KEYS[8])
end
bury()
return 'requeued'
