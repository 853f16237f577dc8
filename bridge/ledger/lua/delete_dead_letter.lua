-- Deletes a dead letter for good. The message itself stays in SQS, if it is still there.
-- Needs dead_letters.lua.
--
-- KEYS[1]  Dramatiq's dead letters of the queue (sorted set)
-- KEYS[2]  their messages (hash)
-- KEYS[3]  its reason
-- KEYS[4]  the bytes of the dead letters
-- KEYS[5]  for a message from SQS: the id of its dead letter
-- ARGV     the dead letter's id
--
-- Replies  1 if it existed, 0 if not
--
-- Keeps: the delivery attempts, so that a message which kills its workers does not run again.

redis.call('DEL', KEYS[3])
if KEYS[5] and redis.call('GET', KEYS[5]) == ARGV[1] then
    redis.call('DEL', KEYS[5])
end
return remove_dead_letter(KEYS[1], KEYS[2], KEYS[4], ARGV[1])
