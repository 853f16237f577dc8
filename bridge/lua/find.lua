-- Looks messages up, all at one moment.
--
-- KEYS     the messages' entries
-- ARGV[1]  what the names of Dramatiq's keys begin with
--
-- Replies, for each, a list of its state, bridge and handle, and 1 if it is lost: enqueued, but its
-- copy in Dramatiq's queue is gone, though its actor has not ended.

local found = {}
for position, key in ipairs(KEYS) do
    local entry = redis.call('HMGET', key, 'state', 'bridge', 'handle', 'copy', 'copy_queue')
    local lost = entry[1] == 'enqueued' and entry[4] and entry[5]
        and redis.call('HEXISTS', ARGV[1] .. ':' .. entry[5] .. '.msgs', entry[4]) == 0
    found[position] = {entry[1], entry[2], entry[3], lost and 1 or 0}
end
return found
