-- Returns whether a mail in flight still goes before others (1 or 0): it is express, and its lane has
-- little else, or is released. If it has more, the mail is bulk from now on. Needs lanes.lua.
--
-- KEYS     see lanes.lua
-- ARGV[1]  message id

local found = redis.call('HGET', charges, ARGV[1])
local class, work, lane = string.match(found or '', '^(%a+) (%d+) (%S*)$')
if not class then
    return 1
elseif class ~= 'express' then
    return 0
end
local others = tonumber(redis.call('ZSCORE', lanes, lane) or 0) - tonumber(work)
if has_little(others, tonumber(redis.call('ZSCORE', behind, lane) or 0)) or is_released(lane) then
    return 1
end
charge(ARGV[1], 'bulk', work, lane)
return 0
