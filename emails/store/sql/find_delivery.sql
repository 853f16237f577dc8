-- Finds a delivery, with the database's time.
--
-- Parameters: sns_message_id, recipient (a hash)

SELECT id, state, outcome, reason, claimed_until, created_at, clock_timestamp()
FROM emails_delivery
WHERE sns_message_id = %s AND recipient = %s
