-- Notes that a message in flight was enqueued again. Each retry, and the end of each delay, makes a
-- new entry in Dramatiq's queues. Needs queue_entries.lua.
--
-- KEYS[1]  the message's entry
-- ARGV     the queue entry's id, its queue, prefix of Dramatiq's keys
--
-- Keeps: a message that has ended never becomes one in flight again. Entries that still exist stay
-- noted: this one may be gone already, and its successor noted before it.

local id, queue, namespace = unpack(ARGV)

local entry = redis.call('HMGET', KEYS[1], 'state', 'copies')
if entry[1] == 'enqueued' then
    local entries = still_queued(namespace, entry[2])
    table.insert(entries, queue .. '/' .. id)
    redis.call('HSET', KEYS[1], 'copies', table.concat(entries, ' '))
end
