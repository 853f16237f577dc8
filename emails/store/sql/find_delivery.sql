-- Finds a delivery, with the database's time, and whether the worker that claimed it has a connection
-- to this database: then it is alive, and be it suspended.
--
-- Parameters: sns_message_id, recipient (a hash)

SELECT id, state, outcome, reason, claimed_until, created_at, clock_timestamp(), claimed_by,
    EXISTS (SELECT FROM pg_stat_activity WHERE application_name = claimed_by)
FROM emails_delivery
WHERE sns_message_id = %s AND recipient = %s
