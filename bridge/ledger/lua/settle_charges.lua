-- Ends what is charged for messages that are no longer in flight: their lifetime is over, they were
-- lost, or an older version acknowledged them. Needs lanes.lua.
--
-- KEYS[1]  the messages in flight (sorted set)
-- KEYS[2…] see lanes.lua
-- ARGV     where to go on (0: at the start), how many to look at
--
-- Replies with where to go on, 0 at the end.

local found = redis.call('HSCAN', charges, ARGV[1], 'COUNT', ARGV[2])
for at = 1, #found[2], 2 do
    if not redis.call('ZSCORE', KEYS[1], found[2][at]) then
        discharge(found[2][at])
    end
end
return found[1]
