-- Takes acknowledgements off a list, and keeps them among those taken until they are confirmed.
--
-- KEYS[1]  the list of the acknowledgements of an SQS queue
-- KEYS[2]  those taken and not yet confirmed (sorted set: acknowledgement, score = when, ms)
-- ARGV     how many more to take at most, how long they are kept (ms), how many make a
--          batch, those taken already
--
-- Replies with all of them. Of more than a batch, those that fill no further one stay on the list.
--
-- Keeps: an acknowledgement that was taken is on the list or among those taken, until the call to
-- SQS that it asks for is known to have worked.

local texts, batch = {unpack(ARGV, 4)}, tonumber(ARGV[3])
local number = #texts + math.min(tonumber(ARGV[1]), redis.call('LLEN', KEYS[1]))
if number > batch then
    number = number - number % batch
end
local more = number > #texts and redis.call('LPOP', KEYS[1], number - #texts)
for _, text in ipairs(more or {}) do
    table.insert(texts, text)
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
for _, text in ipairs(texts) do
    redis.call('ZADD', KEYS[2], string.format('%.0f', now), text)
end
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return texts
