-- Ends the waiting of a message that is tried again at a later time. Needs queue_entries.lua.
--
-- KEYS[1]  the queue of delayed messages (list)
-- KEYS[2]  its messages (hash)
-- KEYS[3]  the queue (list)
-- KEYS[4]  its messages (hash)
-- KEYS[5]  the message's entry, of a message from SQS
-- ARGV     the delayed message's id, the new one's id, the new message, the queue's name, prefix of
--          Dramatiq's keys
--
-- Replies  1; or 0 if it waits no longer, and nothing has changed
--
-- Keeps: a message is enqueued or delayed, or both for the worker that moves it, never neither. The worker
-- that counts its seconds finds its entry gone, and doesn't enqueue it again (`RecoveringBroker`).

local id, new_id, message, queue, namespace = unpack(ARGV)

if redis.call('HEXISTS', KEYS[2], id) == 0 then
    return 0
end
-- First, since the users of an older release may not do it: then nothing has changed.
redis.call('LREM', KEYS[1], 1, id)
redis.call('HSET', KEYS[4], new_id, message)
redis.call('RPUSH', KEYS[3], new_id)
redis.call('HDEL', KEYS[2], id)
if KEYS[5] then
    local entry = redis.call('HMGET', KEYS[5], 'state', 'copies')
    if entry[1] == 'enqueued' then
        local entries = still_queued(namespace, entry[2])
        table.insert(entries, queue .. '/' .. new_id)
        redis.call('HSET', KEYS[5], 'copies', table.concat(entries, ' '))
    end
end
return 1
