-- Counts the bytes of a queue's dead letters anew: Dramatiq itself removes those that are too old, and
-- processes of an older version count nothing.
--
-- KEYS[1]  the bytes of the dead letters (hash: messages' key → bytes)
-- KEYS[2]  the messages of the queue's dead letters (hash)
--
-- Replies with the bytes

local bytes = 0
for _, id in ipairs(redis.call('HKEYS', KEYS[2])) do
    bytes = bytes + redis.call('HSTRLEN', KEYS[2], id)
end
if bytes > 0 then
    redis.call('HSET', KEYS[1], KEYS[2], bytes)
else
    redis.call('HDEL', KEYS[1], KEYS[2])
end
return bytes
