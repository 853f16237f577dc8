-- Dispatches a message received from SQS: records it and enqueues it, if its lane and its class have
-- room. Needs queue_entries.lua, lanes.lua and story.lua.
--
-- KEYS[1]  the message's entry (hash: state, handle, bridge, queue, received_at, copies,
--          had_second_chance, proof, about)
-- KEYS[2]  the messages in flight (sorted set: message id, score = when it was dispatched, ms)
-- KEYS[3]  Dramatiq's queue (list)
-- KEYS[4]  its messages (hash)
-- KEYS[5]  the message's delivery attempts
-- KEYS[6]  the id of the message's dead letter, if it has one
-- KEYS[7]  the messages of the dead letters of Dramatiq's queue (hash)
-- KEYS[8]  the queue for mails that others go before (list)
-- KEYS[9]  its messages (hash)
-- KEYS[10] the messages of its dead letters (hash)
-- KEYS[11] the story of all messages
-- KEYS[12…15]  see lanes.lua
-- ARGV     message id, receipt handle, bridge, queue, now (ms), lifetime (ms), prefix of Dramatiq's
--          keys, the queue entry's id, the encoded Dramatiq message, whether this is a replay
--          ('1' or '0'), which resets the delivery attempts once and runs failed messages, for how
--          long a failed message stays hidden (ms); how many messages may be in flight (0: this is
--          not asked; negative: no more), its class if it has no lane ('' for a mail), its lanes' names, its work, and
--          whether it came back from the overflow ('1' or '0'), and which message it is;
--          how many events the story may have, and the details for it
--
-- Replies  'enqueued'   it was unknown, or all its queue entries were lost, or it had failed and its
--                       dead letter is gone
--          'in_flight'  it is being processed; the newer receipt handle is recorded
--          'done'       it was processed before: delete it. A space follows, and the proof that
--                       whoever processed it left
--          'failed'     it failed before and its dead letter exists: hide it
--          'over_share', 'no_room'  nothing has changed; a space and the lane follow
--
-- Keeps: a message in state 'enqueued' or 'failed' has the newest receipt handle from SQS. One in
-- state 'enqueued' is in flight for at most its lifetime, and was in Dramatiq's queue when it
-- entered that state. While all dispatch by lane, no more are in flight than may be, but for feedback.

local id, handle, bridge, queue, now, lifetime = unpack(ARGV, 1, 6)
local namespace, entry, message, is_replay, hidden = unpack(ARGV, 7, 11)
local most, class, names, work, is_back, about = unpack(ARGV, 12, 17)
local events, details = ARGV[18], ARGV[19]
local queue_key, messages = KEYS[3], KEYS[4]

local state = redis.call('HGET', KEYS[1], 'state')
if state == 'done' then
    tell(KEYS[11], events, 'done', id, about, details)
    return 'done ' .. (redis.call('HGET', KEYS[1], 'proof') or '')
end

if state == 'enqueued' then
    redis.call('HSET', KEYS[1], 'handle', handle, 'bridge', bridge, 'queue', queue)
    if #still_queued(namespace, redis.call('HGET', KEYS[1], 'copies')) > 0 then
        tell(KEYS[11], events, 'in_flight', id, about, details)
        return 'in_flight'
    end
end

local function has_dead_letter()
    local dead_letter = redis.call('GET', KEYS[6])
    -- Until Dramatiq has moved it, it is still among the messages of its queue.
    if not dead_letter then
        return false
    end
    for _, key in ipairs({KEYS[7], KEYS[4], KEYS[10], KEYS[9]}) do
        if redis.call('HEXISTS', key, dead_letter) == 1 then
            return true
        end
    end
    return false
end

if state ~= 'enqueued' and is_replay ~= '1' and has_dead_letter() then
    redis.call('HSET', KEYS[1], 'state', 'failed', 'handle', handle, 'bridge', bridge,
        'queue', queue, 'received_at', now)
    redis.call('PEXPIRE', KEYS[1], hidden)
    tell(KEYS[11], events, 'failed', id, about, details)
    return 'failed'
end

if tonumber(most) < 0 and state ~= 'enqueued' then
    return 'no_room ' .. busiest(names)
end

local lane, is_asked = '', tonumber(most) > 0 and state ~= 'enqueued'
local is_uncharged = is_asked
if state == 'enqueued' then
    -- Lost, and then dropped from those in flight: it is in flight again, whether there is room or not.
    is_uncharged = tonumber(most) ~= 0 and class_of(id) == ''
    if not is_uncharged then
        class = class_of(id)
    elseif class == '' then
        class, lane = 'bulk', busiest(names)
    end
elseif is_asked then
    local why = 'no_room'
    if class == '' then
        local lane_work, waiting
        lane, lane_work, waiting = busiest(names)
        class, why = admit(tonumber(most), tonumber(work), lane, lane_work, waiting, is_back == '1')
    elseif room(tonumber(most))[class] <= 0 then
        class = false
    end
    if not class then
        return why .. ' ' .. lane
    end
end

if class == 'bulk' or class == 'back' then
    local name, bulk = string.match(queue_key, ':(.*)$'), string.match(KEYS[8], ':(.*)$')
    local at, to = string.find(message, '"queue_name":"' .. name .. '"', 1, true)
    message = string.sub(message, 1, at - 1) .. '"queue_name":"' .. bulk .. '"' .. string.sub(message, to + 1)
    queue_key, messages = KEYS[8], KEYS[9]
end

-- The queue comes first: if one of these calls fails, the message is enqueued twice rather than
-- not at all.
redis.call('HSET', messages, entry, message)
redis.call('RPUSH', queue_key, entry)
redis.call('HSET', KEYS[1], 'copies', string.match(queue_key, ':(.*)$') .. '/' .. entry)
if is_replay == '1' and redis.call('HSETNX', KEYS[1], 'had_second_chance', 1) == 1 then
    redis.call('DEL', KEYS[5])
end
if state ~= 'enqueued' then
    redis.call('HSET', KEYS[1], 'state', 'enqueued', 'handle', handle, 'bridge', bridge,
        'queue', queue, 'received_at', now, 'about', about)
    redis.call('PEXPIRE', KEYS[1], lifetime)
    redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - lifetime)
end
-- A lost message may have been dropped from those in flight.
redis.call('ZADD', KEYS[2], redis.call('HGET', KEYS[1], 'received_at'), id)
if is_uncharged then
    charge(id, class, work, lane)
end
if is_asked and is_back == '1' then
    note_back(names)
end
tell(KEYS[11], events, 'enqueued', id, about, details .. ' ' .. string.match(queue_key, ':(.*)$'))
return 'enqueued'
