-- Deletes a dead letter for good. The message itself stays in SQS, if it is still there.
--
-- KEYS[1]  Dramatiq's dead letters of the queue (sorted set)
-- KEYS[2]  their messages (hash)
-- KEYS[3]  its reason
-- KEYS[4]  for a message from SQS: the id of its dead letter
-- ARGV     the dead letter's id
--
-- Replies  1 if it existed, 0 if not
--
-- Keeps: the delivery attempts, so that a message which kills its workers does not run again.

redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('DEL', KEYS[3])
if KEYS[4] and redis.call('GET', KEYS[4]) == ARGV[1] then
    redis.call('DEL', KEYS[4])
end
return redis.call('ZREM', KEYS[1], ARGV[1])
