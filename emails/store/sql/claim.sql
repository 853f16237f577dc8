-- Claims a delivery: inserts its row, or takes a claim that was released. Returns no row if another
-- attempt left something that must be looked at first: a claim, a doubt, or an outcome.
--
-- Keeps: only the database's clock decides when a claim begins and ends; workers' clocks may differ.
--
-- Parameters: sns_message_id, recipient (a hash), seconds that the claim lasts, the worker's name or
-- NULL, purpose, sqs_message_id or NULL, mail_id or NULL, released

INSERT INTO emails_delivery AS mine
    (sns_message_id, recipient, state, claimed_until, claimed_by, purpose, sqs_message_id, mail_id, outcome,
        reason, created_at)
VALUES
    (%s, %s, 'claimed', clock_timestamp() + %s * interval '1 second', %s, %s, %s, %s, '', '',
        clock_timestamp())
ON CONFLICT (sns_message_id, recipient) DO UPDATE
    SET claimed_until = EXCLUDED.claimed_until, claimed_by = EXCLUDED.claimed_by
    WHERE mine.state = 'claimed' AND mine.claimed_until <= %s
RETURNING id, claimed_until, reserved_on IS NOT NULL
