-- Takes over a message in flight whose bridge is gone. Repeating it is harmless.
--
-- KEYS[1]  the message's entry
-- KEYS[2]  the sign of life of the bridge that has it
-- ARGV     the bridge that takes it, the bridge that has it
--
-- Replies with the message's receipt handle, or nothing if it isn't there to be taken.
--
-- Keeps: a message has one bridge. Only one of two bridges takes it, and none from a live bridge.

local bridge, owner = ARGV[1], ARGV[2]

local entry = redis.call('HMGET', KEYS[1], 'state', 'bridge', 'handle')
if entry[1] ~= 'enqueued' or entry[2] ~= owner then
    return false
end
if owner ~= bridge and redis.call('EXISTS', KEYS[2]) == 1 then
    return false
end
redis.call('HSET', KEYS[1], 'bridge', bridge)
return entry[3]
