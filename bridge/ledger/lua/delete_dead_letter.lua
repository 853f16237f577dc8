-- Removes a dead letter for good. The message itself stays in SQS, if it is still there.
--
-- KEYS[1]  Dramatiq's dead letters of the queue (sorted set)
-- KEYS[2]  their messages (hash)
-- KEYS[3]  the reason that was noted
-- KEYS[4]  for what came from SQS: which dead letter the message left behind
-- ARGV     the dead letter's id
--
-- Replies  1 if it was there, 0 if not
--
-- Keeps: how often the message was started, so that one that kills its workers does not run again.

redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('DEL', KEYS[3])
if KEYS[4] and redis.call('GET', KEYS[4]) == ARGV[1] then
    redis.call('DEL', KEYS[4])
end
return redis.call('ZREM', KEYS[1], ARGV[1])
