-- Notes why a message was dead-lettered. Repeating it is harmless.
--
-- KEYS[1]  the messages of the queue (hash): where it is until Dramatiq moves it
-- KEYS[2]  the messages of the queue's dead letters (hash)
-- KEYS[3]  the reason alone, for counting without reading whole messages
-- KEYS[4]  the bytes of the dead letters
-- ARGV     the dead letter's id, the message with the note, the reason, how long dead letters are
--          kept (ms)
--
-- Replies  1 if the dead letter exists, 0 if not
--
-- Keeps: nothing is created that Dramatiq does not know.

local noted = 0
for _, messages in ipairs({KEYS[1], KEYS[2]}) do
    if redis.call('HEXISTS', messages, ARGV[1]) == 1 then
        if messages == KEYS[2] then
            local more = #ARGV[2] - redis.call('HSTRLEN', messages, ARGV[1])
            redis.call('HINCRBY', KEYS[4], messages, more)
        end
        redis.call('HSET', messages, ARGV[1], ARGV[2])
        noted = 1
    end
end
if noted == 1 then
    redis.call('SET', KEYS[3], ARGV[3], 'PX', ARGV[4])
end
return noted
