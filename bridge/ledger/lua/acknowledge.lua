-- Acknowledges a message: its actor has really ended. Doing it twice does no harm.
--
-- KEYS[1]  the message's entry
-- KEYS[2]  the messages in flight
-- KEYS[3]  how often the message was started
-- KEYS[4]  which dead letter the message left behind, if any
-- KEYS[5]  Dramatiq's dead letters of the actor's queue (sorted set)
-- KEYS[6]  their messages (hash)
-- KEYS[7]  the messages of the actor's queue (hash)
-- ARGV     message id, state to enter ('done' or 'failed'), lifetime (ms), reason,
--          the dead letter's id ('' if there is none), how long dead letters are kept (ms),
--          whether to forget how often it was started ('1' or '0'), prefix of the lists of
--          acknowledgements
--
-- Keeps: a message leaves at most one dead letter, the last one, and none once it was done, in
-- whatever order two workers tell of it.

local message_id, state, lifetime, reason = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local dead_letter, dead_letter_ttl, forget_attempts, prefix = ARGV[5], ARGV[6], ARGV[7], ARGV[8]

local function bury(id)
    redis.call('ZREM', KEYS[5], id)
    redis.call('HDEL', KEYS[6], id)
    -- Dramatiq moves it to its dead letters only after this. What is not here, it does not move.
    redis.call('HDEL', KEYS[7], id)
end

local before = redis.call('HGET', KEYS[1], 'state')
local stale = redis.call('GET', KEYS[4])
if before == 'done' then
    bury(dead_letter)
    redis.call('DEL', KEYS[3])
    return 0
elseif before == 'failed' and state == 'failed' and stale == dead_letter then
    return 0
end

local known = redis.call('HMGET', KEYS[1], 'handle', 'queue', 'received_at')
if state == 'done' then
    -- Nothing but the state is needed any more, and there are many of these.
    redis.call('DEL', KEYS[1])
end
redis.call('HSET', KEYS[1], 'state', state)
redis.call('PEXPIRE', KEYS[1], lifetime)
redis.call('ZREM', KEYS[2], message_id)
if forget_attempts == '1' then
    redis.call('DEL', KEYS[3])
end

if stale and stale ~= dead_letter then
    bury(stale)
end
if dead_letter ~= '' then
    redis.call('SET', KEYS[4], dead_letter, 'PX', dead_letter_ttl)
elseif stale then
    redis.call('DEL', KEYS[4])
end

if known[1] and known[2] then
    redis.call('RPUSH', prefix .. known[2], cjson.encode({
        message_id = message_id,
        receipt_handle = known[1],
        received_at_ms = tonumber(known[3]) or 0,
        succeeded = state == 'done',
        reason = reason,
    }))
end
return 1
