-- Shared by the scripts that look at a message's copies in Dramatiq's queues. An entry has them in
-- its field 'copies': "queue/id queue/id".

local function still_queued(namespace, copies)
    local found = {}
    for queue, id in string.gmatch(copies or '', '(%S+)/(%S+)') do
        if redis.call('HEXISTS', namespace .. ':' .. queue .. '.msgs', id) == 1 then
            table.insert(found, queue .. '/' .. id)
        end
    end
    return found
end
