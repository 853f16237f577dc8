-- A library for scripts that remove dead letters. The bytes of each queue's dead letters are counted,
-- so that they need not be read to know whether there are too many.

local function remove_dead_letter(letters, messages, bytes, id)
    local size = redis.call('HSTRLEN', messages, id)
    redis.call('HDEL', messages, id)
    if size > 0 and redis.call('HINCRBY', bytes, messages, -size) <= 0 then
        redis.call('HDEL', bytes, messages)
    end
    return redis.call('ZREM', letters, id)
end
