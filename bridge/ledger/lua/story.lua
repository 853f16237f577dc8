-- A library for scripts that tell a message's story: see story.py. Telling never fails the script: Redis
-- may be full, or its users may come from an older release.

local function tell(key, most, what, id, about, detail)
    if tonumber(most) > 0 then
        redis.pcall('XADD', key, 'MAXLEN', '~', most, '*', 'e', what, 'q', id, 'a', about, 'd', detail)
    end
end
