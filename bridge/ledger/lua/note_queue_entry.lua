-- Notes that a message in flight was enqueued anew, and as which copy: it has another one in
-- Dramatiq's queues for each retry, and when its delay is over. Needs queue_entries.lua.
--
-- KEYS[1]  the message's entry
-- ARGV     the copy's id, its queue, what the names of Dramatiq's keys begin with
--
-- Keeps: a message that has ended is never turned back into one that is in flight. The copies that
-- are still there stay noted: this one may be gone already, and the one after it noted before it.

local id, queue, namespace = unpack(ARGV)

local entry = redis.call('HMGET', KEYS[1], 'state', 'copies')
if entry[1] == 'enqueued' then
    local copies = still_queued(namespace, entry[2])
    table.insert(copies, queue .. '/' .. id)
    redis.call('HSET', KEYS[1], 'copies', table.concat(copies, ' '))
end
