-- Lists the acknowledgements of an SQS queue whose messages must be kept hidden. Puts those back on
-- the list that a bridge took long ago: it is gone.
--
-- KEYS[1]  the list of the acknowledgements
-- KEYS[2]  those taken and not yet confirmed (sorted set: acknowledgement, score = when, ms)
-- KEYS[3]  exists while another bridge hides them
-- ARGV     for how long no other bridge need list them (ms), how long a bridge may take (ms), how
--          many at most
--
-- Replies with the acknowledgements, or nothing if another bridge has listed them just now.

if not redis.call('SET', KEYS[3], 1, 'PX', ARGV[1], 'NX') then
    return {}
end
local time = redis.call('TIME')
local long_ago = time[1] * 1000 + math.floor(time[2] / 1000) - ARGV[2]
for _, text in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', long_ago, 'LIMIT', 0, ARGV[3])) do
    redis.call('ZREM', KEYS[2], text)
    redis.call('RPUSH', KEYS[1], text)
end
local texts = redis.call('LRANGE', KEYS[1], 0, ARGV[3] - 1)
for _, text in ipairs(redis.call('ZRANGE', KEYS[2], 0, ARGV[3] - 1)) do
    table.insert(texts, text)
end
return texts
