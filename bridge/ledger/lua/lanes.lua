-- A library for scripts that admit messages by lane, or end what one is charged.
--
-- A message in flight is charged to one class and, a mail, to one lane. KEYS of these scripts end
-- with LANES, LANES_BEHIND, CHARGES, CLASSES; see keys.py.
--
-- Also read is relay:lane-released:LANE, which exists while an operator has released the lane.
--
-- Keeps: a lane's work and a class's number are the sums of the charges.

local lanes, behind, charges, classes = unpack(KEYS, #KEYS - 3)

-- A lane's mail goes before others' bulk as long as its lane has less than FIRST other work; while
-- more than a tenth of all go first, no other work: the first two mails of fifty flooded masks would
-- keep others waiting for as long as it takes to send a hundred.
local SHARE, FIRST, FEEDBACK = 30, 2, 10

local function discharge(id)
    local charge = redis.call('HGET', charges, id)
    if not charge then
        return
    end
    local class, work, lane = string.match(charge, '^(%a+) (%d+) (%S*)$')
    redis.call('HDEL', charges, id)
    if not class then
        return
    end
    redis.call('HINCRBY', classes, class, -1)
    if lane ~= '' and tonumber(redis.call('ZINCRBY', lanes, -work, lane)) <= 0 then
        redis.call('ZREM', lanes, lane)
    end
end

local function charge(id, class, work, lane)
    discharge(id)
    redis.call('HSET', charges, id, class .. ' ' .. work .. ' ' .. lane)
    redis.call('HINCRBY', classes, class, 1)
    if lane ~= '' then
        redis.call('ZINCRBY', lanes, work, lane)
    end
end

local function class_of(id)
    return string.match(redis.call('HGET', charges, id) or '', '^%a*')
end

local function note_behind(lane, number)
    if lane ~= '' and tonumber(redis.call('ZINCRBY', behind, number, lane)) <= 0 then
        redis.call('ZREM', behind, lane)
    end
end

-- A message of these lanes is back from the overflow. It was counted for one of them, nobody knows
-- which: for the busiest of that time. The one with most behind it has at least one.
local function note_back(names)
    local lane, most = '', 0
    for name in string.gmatch(names, '%S+') do
        local overflowed = tonumber(redis.call('ZSCORE', behind, name) or 0)
        if overflowed > most then
            lane, most = name, overflowed
        end
    end
    note_behind(lane, -1)
end

-- Of a mail's lanes, the one with most in flight; its work in flight, and what is behind.
local function busiest(names)
    local lane, work, waiting = '', -1, 0
    for name in string.gmatch(names, '%S+') do
        local in_flight = tonumber(redis.call('ZSCORE', lanes, name) or 0)
        local overflowed = tonumber(redis.call('ZSCORE', behind, name) or 0)
        if in_flight + overflowed > work + waiting then
            lane, work, waiting = name, in_flight, overflowed
        end
    end
    return lane, math.max(0, work), waiting
end

-- The classes, by how many more may be in flight. `back` is bulk that came back from the overflow.
local function room(most)
    local count = redis.call('HMGET', classes, 'express', 'bulk', 'back', 'feedback')
    for class = 1, 4 do
        count[class] = tonumber(count[class] or 0)
    end
    local express, fresh, back, feedback = unpack(count)
    local bulk, tenth = fresh + back, math.floor(most / 10)
    -- A tenth is left to bulk. A fifth is left to express, beyond what that has: many lanes may
    -- have come at once, and there may be one more.
    local most_bulk = math.max(tenth, most - math.floor(most / 5) - express)
    local left = most_bulk - bulk
    return {
        express = most - express - math.max(bulk, tenth),
        -- Of bulk a tenth is left to what is back: otherwise what comes now would take each place as
        -- it gets free. What comes now has a tenth, too, if there are two.
        bulk = math.min(left, most_bulk - tenth - fresh),
        back = math.min(left, math.max(tenth, most_bulk - tenth) - back),
        feedback = math.max(math.max(FEEDBACK, tenth), most - express - bulk) - feedback,
    }
end

local function has_little(other_work, waiting)
    local count = redis.call('HMGET', classes, 'express', 'crowd')
    local is_crowd = tonumber(count[1] or 0) > tonumber(count[2] or math.huge)
    return other_work + waiting < (is_crowd and 1 or FIRST)
end

local function is_released(lane)
    return lane ~= '' and redis.call('EXISTS', 'relay:lane-released:' .. lane) == 1
end

-- Whether a mail may be in flight: its class, or nothing and why not. `is_back`: it came back from
-- the overflow.
local function admit(most, work, lane, lane_work, waiting, is_back)
    -- Workers, too, must know.
    redis.call('HSET', classes, 'crowd', math.floor(most / 10))
    local left = room(most)
    if is_released(lane) then
        return left.express > 0 and 'express', 'no_room'
    elseif is_back then
        return left.back > 0 and 'back', 'no_room'
    elseif has_little(lane_work, waiting) and work <= FIRST then
        return left.express > 0 and 'express', 'no_room'
    elseif lane_work + work > math.max(SHARE, math.floor(most / 10)) then
        return false, 'over_share'
    end
    return left.bulk > 0 and 'bulk', 'no_room'
end
