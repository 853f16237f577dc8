-- Counts an attempt that begins. Needs story.lua.
--
-- KEYS[1]  the message's delivery attempts
-- KEYS[2]  the story of all messages
-- ARGV     for how long the attempts are kept (ms), message id, worker, how many events the story may have
--
-- Replies how many attempts have begun without an orderly end.

local attempts = redis.call('INCR', KEYS[1])
redis.call('PEXPIRE', KEYS[1], ARGV[1])
tell(KEYS[2], ARGV[4], 'begun', ARGV[2], '', ARGV[3])
return attempts
