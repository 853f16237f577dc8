-- Looks messages up, all at the same moment. Needs queue_entries.lua.
--
-- KEYS     the messages' entries
-- ARGV[1]  the prefix of Dramatiq's keys
--
-- Replies with a list for each: state, bridge, handle, queue, 1 if it is lost, and which message it is. A
-- lost message has state 'enqueued', but no entry in Dramatiq's queues.

local found = {}
for position, key in ipairs(KEYS) do
    local entry = redis.call('HMGET', key, 'state', 'bridge', 'handle', 'queue', 'copies', 'about')
    local lost = entry[1] == 'enqueued' and #still_queued(ARGV[1], entry[5]) == 0
    found[position] = {entry[1], entry[2], entry[3], entry[4], lost and 1 or 0, entry[6] or ''}
end
return found
