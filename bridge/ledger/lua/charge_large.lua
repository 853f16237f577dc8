-- Charges a mail in flight that turned out to be large: its lane for all its work, and it is bulk.
-- Repeating it is harmless. Needs lanes.lua.
--
-- KEYS     see lanes.lua
-- ARGV     message id, its work for each recipient

local found = redis.call('HGET', charges, ARGV[1])
if found then
    local class, work, lane = string.match(found, '^(%a+) (%d+) (%S*)$')
    if class and (class == 'express' or tonumber(work) < tonumber(ARGV[2])) then
        charge(ARGV[1], class == 'back' and class or 'bulk', math.max(tonumber(work), tonumber(ARGV[2])), lane)
    end
end
