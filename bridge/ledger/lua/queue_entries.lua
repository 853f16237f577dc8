-- A library for scripts that look at a message's entries in Dramatiq's queues. The message's hash
-- lists them in its field 'copies': "queue/id queue/id".

local function still_queued(namespace, entries)
    local found = {}
    for queue, id in string.gmatch(entries or '', '(%S+)/(%S+)') do
        if redis.call('HEXISTS', namespace .. ':' .. queue .. '.msgs', id) == 1 then
            table.insert(found, queue .. '/' .. id)
        end
    end
    return found
end
