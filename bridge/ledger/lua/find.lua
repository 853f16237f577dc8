-- Looks messages up, all at one moment. Needs queue_entries.lua.
--
-- KEYS     the messages' entries
-- ARGV[1]  what the names of Dramatiq's keys begin with
--
-- Replies, for each, a list of its state, bridge and handle, and 1 if it is lost: enqueued, but none
-- of its copies is in Dramatiq's queues any more, though its actor has not ended.

local found = {}
for position, key in ipairs(KEYS) do
    local entry = redis.call('HMGET', key, 'state', 'bridge', 'handle', 'copies')
    local lost = entry[1] == 'enqueued' and #still_queued(ARGV[1], entry[4]) == 0
    found[position] = {entry[1], entry[2], entry[3], lost and 1 or 0}
end
return found
