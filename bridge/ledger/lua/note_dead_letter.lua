-- Notes on a dead letter why it is one. Doing it twice does no harm.
--
-- KEYS[1]  the messages of the queue (hash): where it is until Dramatiq has moved it
-- KEYS[2]  the messages of the queue's dead letters (hash)
-- KEYS[3]  the reason by itself, for counting without reading whole messages
-- ARGV     the dead letter's id, the message with the note, the reason, how long dead letters are
--          kept (ms)
--
-- Replies  1 if the dead letter is there, 0 if not
--
-- Keeps: nothing is made that Dramatiq does not know of.

local noted = 0
for _, messages in ipairs({KEYS[1], KEYS[2]}) do
    if redis.call('HEXISTS', messages, ARGV[1]) == 1 then
        redis.call('HSET', messages, ARGV[1], ARGV[2])
        noted = 1
    end
end
if noted == 1 then
    redis.call('SET', KEYS[3], ARGV[3], 'PX', ARGV[4])
end
return noted
