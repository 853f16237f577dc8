-- Returns how many mails more may come back from the overflow. Needs lanes.lua.
--
-- KEYS     see lanes.lua
-- ARGV[1]  how many messages may be in flight

return math.max(0, room(tonumber(ARGV[1])).back)
