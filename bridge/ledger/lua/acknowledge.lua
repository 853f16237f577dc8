-- Acknowledges a message whose actor has really ended. Repeating it is harmless. Needs
-- dead_letters.lua, lanes.lua and story.lua.
--
-- KEYS[1]  the message's entry
-- KEYS[2]  the messages in flight
-- KEYS[3]  the message's delivery attempts
-- KEYS[4]  the id of the message's dead letter, if it has one
-- KEYS[5]  Dramatiq's dead letters of the actor's queue (sorted set)
-- KEYS[6]  their messages (hash)
-- KEYS[7]  the messages of the actor's queue (hash)
-- KEYS[8]  the bytes of the dead letters
-- KEYS[9]  the story of all messages
-- KEYS[10] what the worker's process has fetched from Dramatiq's queue (set)
-- KEYS[11…] up to the last four: like KEYS[5…7], of the other queue where the message may have died
--          before; then see lanes.lua
-- ARGV     message id, new state ('done' or 'failed'), lifetime (ms), reason, id of the dead letter
--          ('' for none), how long dead letters are kept (ms), whether to reset the delivery
--          attempts ('1' or '0'), prefix of the lists of acknowledgements, prefix of the reasons,
--          proof that the actor ended so, how many events the story may have, the attempt's steps,
--          id of the queue entry to remove as Dramatiq's own acknowledgement would ('': none)
--
-- Keeps: a message has at most one dead letter, the latest, and none once it is done, in whatever
-- order two workers acknowledge it.

local message_id, state, lifetime, reason = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local dead_letter, dead_letter_ttl, forget_attempts, prefix = ARGV[5], ARGV[6], ARGV[7], ARGV[8]

local function bury(id)
    redis.call('DEL', ARGV[9] .. id)
    for _, at in ipairs(#KEYS > 14 and {5, 11} or {5}) do
        remove_dead_letter(KEYS[at], KEYS[at + 1], KEYS[8], id)
        -- Dramatiq moves it to its dead letters only after this, and only if it is still here.
        redis.call('HDEL', KEYS[at + 2], id)
    end
end

local function remove_entry()
    if ARGV[13] ~= '' and redis.call('SREM', KEYS[10], ARGV[13]) == 1 then
        redis.call('HDEL', KEYS[7], ARGV[13])
    end
end

local before = redis.call('HGET', KEYS[1], 'state')
local stale = redis.call('GET', KEYS[4])
if before == 'done' then
    bury(dead_letter)
    redis.call('DEL', KEYS[3])
    remove_entry()
    return 0
elseif before == 'failed' and state == 'failed' and stale == dead_letter then
    remove_entry()
    return 0
end

local known = redis.call('HMGET', KEYS[1], 'handle', 'queue', 'received_at', 'about')
if state == 'done' then
    -- Only the state is still needed, and there are many of these.
    redis.call('DEL', KEYS[1])
end
redis.call('HSET', KEYS[1], 'state', state, 'proof', ARGV[10])
redis.call('PEXPIRE', KEYS[1], lifetime)
redis.call('ZREM', KEYS[2], message_id)
discharge(message_id)
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

tell(KEYS[9], ARGV[11], 'ended', message_id, known[4] or '', state .. ' ' .. reason .. '|' .. ARGV[12])

if known[1] and known[2] then
    redis.call('RPUSH', prefix .. known[2], cjson.encode({
        message_id = message_id,
        receipt_handle = known[1],
        received_at_ms = tonumber(known[3]) or 0,
        succeeded = state == 'done',
        reason = reason,
        about = known[4] or '',
        proof = ARGV[10],
    }))
end
-- Last: if this fails before, the entry brings the message back.
remove_entry()
return 1
