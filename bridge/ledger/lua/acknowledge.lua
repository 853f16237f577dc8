-- Acknowledges a message whose actor has really ended. Repeating it is harmless. Needs
-- dead_letters.lua.
--
-- KEYS[1]  the message's entry
-- KEYS[2]  the messages in flight
-- KEYS[3]  the message's delivery attempts
-- KEYS[4]  the id of the message's dead letter, if it has one
-- KEYS[5]  Dramatiq's dead letters of the actor's queue (sorted set)
-- KEYS[6]  their messages (hash)
-- KEYS[7]  the messages of the actor's queue (hash)
-- KEYS[8]  the bytes of the dead letters
-- ARGV     message id, new state ('done' or 'failed'), lifetime (ms), reason, id of the dead letter
--          ('' for none), how long dead letters are kept (ms), whether to reset the delivery
--          attempts ('1' or '0'), prefix of the lists of acknowledgements, prefix of the reasons
--
-- Keeps: a message has at most one dead letter, the latest, and none once it is done, in whatever
-- order two workers acknowledge it.

local message_id, state, lifetime, reason = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local dead_letter, dead_letter_ttl, forget_attempts, prefix = ARGV[5], ARGV[6], ARGV[7], ARGV[8]

local function bury(id)
    remove_dead_letter(KEYS[5], KEYS[6], KEYS[8], id)
    redis.call('DEL', ARGV[9] .. id)
    -- Dramatiq moves it to its dead letters only after this, and only if it is still here.
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
    -- Only the state is still needed, and there are many of these.
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
