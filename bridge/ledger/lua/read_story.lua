-- Reads a page of the story, an event a line. As one string: of a reply with so many parts, a client in Python
-- reads a thousand in the time that Redis needs for twenty thousand.
--
-- KEYS[1]  the story of all messages (stream)
-- ARGV     from where on (an id, '-', or '(' and the last page's last id), and how many events
--
-- Replies  {how many events, the last one's id, lines of 'id', field, value, …, separated by tabs}

local lines, last = {}, ''
for i, event in ipairs(redis.call('XRANGE', KEYS[1], ARGV[1], '+', 'COUNT', ARGV[2])) do
    last = event[1]
    lines[i] = last .. '\t' .. table.concat(event[2], '\t')
end
return {#lines, last, table.concat(lines, '\n')}
