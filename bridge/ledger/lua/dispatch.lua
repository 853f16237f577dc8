-- Hands a message that was received from SQS on to the workers: notes it and enqueues it.
-- Needs queue_entries.lua.
--
-- KEYS[1]  the message's entry (hash: state, handle, bridge, queue, received_at, copies,
--          had_second_chance)
-- KEYS[2]  the messages in flight (sorted set: message id, score = when it was handed on, ms)
-- KEYS[3]  Dramatiq's queue (list)
-- KEYS[4]  its messages (hash)
-- KEYS[5]  how often the message was started
-- ARGV     message id, receipt handle, bridge, queue, now (ms), lifetime (ms), what the names of
--          Dramatiq's keys begin with, the copy's id, the message as Dramatiq has it, whether to
--          forget, once, how often it was started ('1' or '0')
--
-- Replies  'enqueued'   it was not known, or its last run failed, or all its copies in
--                       Dramatiq's queues were lost
--          'in_flight'  it is being worked on; its entry has the newer receipt handle now
--          'done'       it was carried out: delete it
--
-- Keeps: a message in state 'enqueued' has the newest receipt handle that SQS gave out, is among
-- those in flight for at most its lifetime, and was in Dramatiq's queue when it entered that state.

local id, handle, bridge, queue, now, lifetime = unpack(ARGV, 1, 6)
local namespace, copy, message, is_replay = unpack(ARGV, 7, 10)

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

-- The queue comes first: were one of these calls to fail, the message would be there twice, and
-- not nowhere.
redis.call('HSET', KEYS[4], copy, message)
redis.call('RPUSH', KEYS[3], copy)
redis.call('HSET', KEYS[1], 'copies', string.match(KEYS[3], ':(.*)$') .. '/' .. copy)
if is_replay == '1' and redis.call('HSETNX', KEYS[1], 'had_second_chance', 1) == 1 then
    redis.call('DEL', KEYS[5])
end
if state ~= 'enqueued' then
    redis.call('HSET', KEYS[1], 'state', 'enqueued', 'handle', handle, 'bridge', bridge,
        'queue', queue, 'received_at', now)
    redis.call('PEXPIRE', KEYS[1], lifetime)
    redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - lifetime)
end
-- One that was lost may have been taken from those in flight, to make room for it.
redis.call('ZADD', KEYS[2], redis.call('HGET', KEYS[1], 'received_at'), id)
return 'enqueued'
