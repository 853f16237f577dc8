-- Moves a message that a worker gave up to the dead letters, as Dramatiq would, and drops the oldest
-- ones if there are too many or too large ones by then. Needs dead_letters.lua.
--
-- KEYS[1]  what the worker's process has fetched and not acknowledged (set)
-- KEYS[2]  the messages of the queue it was fetched from (hash)
-- KEYS[3]  the bytes of the dead letters (hash: messages' key → bytes)
-- KEYS[4…] for each queue: its dead letters (sorted set: id, score = time of death, ms) and their
--          messages (hash); first those of the message's own queue
-- ARGV     the message's id in Redis, now (ms), the most dead letters, the most bytes of them, the
--          most to drop in one call, prefix of the reasons, prefix of the ids by SQS message
--
-- Replies  the SQS message ids of the dropped ones ('' for one that did not come from SQS)
--
-- Keeps: after any number of these calls there are no more dead letters than allowed, but for a
-- larger store from before, which shrinks with each call. The newest is never dropped.

local id, now = ARGV[1], ARGV[2]
local most, most_bytes, most_dropped = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local reason_prefix, letter_prefix = ARGV[6], ARGV[7]

if redis.call('SREM', KEYS[1], id) == 0 then
    return {}
end
local message = redis.call('HGET', KEYS[2], id)
if not message then
    return {}
end
redis.call('ZADD', KEYS[4], now, id)
redis.call('HSET', KEYS[5], id, message)
redis.call('HINCRBY', KEYS[3], KEYS[5], #message)
redis.call('HDEL', KEYS[2], id)

local number, bytes = 0, 0
for at = 4, #KEYS, 2 do
    number = number + redis.call('ZCARD', KEYS[at])
    bytes = bytes + (tonumber(redis.call('HGET', KEYS[3], KEYS[at + 1])) or 0)
end

-- The queue whose oldest dead letter is the oldest of all, and that letter's id.
local function find_oldest()
    local queue, oldest, died
    for at = 4, #KEYS, 2 do
        local first = redis.call('ZRANGE', KEYS[at], 0, 0, 'WITHSCORES')
        if first[1] and (not died or tonumber(first[2]) < died) then
            queue, oldest, died = at, first[1], tonumber(first[2])
        end
    end
    return queue, oldest
end

local dropped = {}
while number > 1 and #dropped < most_dropped and (number > most or bytes > most_bytes) do
    local queue, oldest = find_oldest()
    if oldest == id then
        break  -- by another worker's clock all others are younger
    end
    local old = redis.call('HGET', KEYS[queue + 1], oldest) or ''
    remove_dead_letter(KEYS[queue], KEYS[queue + 1], KEYS[3], oldest)
    number, bytes = number - 1, bytes - #old
    redis.call('DEL', reason_prefix .. oldest)
    -- Within the mail's text a quote is escaped, so this finds the message's own option only.
    local sqs_id = string.match(old, '"sqs_message_id":%s*"([^"\\]+)"') or ''
    if sqs_id ~= '' and redis.call('GET', letter_prefix .. sqs_id) == oldest then
        redis.call('DEL', letter_prefix .. sqs_id)
    end
    table.insert(dropped, sqs_id)
end
return dropped
