-- Counts messages that go to the overflow, or that don't after all. Needs lanes.lua.
--
-- KEYS     see lanes.lua
-- ARGV     1 or -1, each one's lane

for at = 2, #ARGV do
    note_behind(ARGV[at], tonumber(ARGV[1]))
end
