-- Claims a delivery: makes its row, or takes over a claim that ran out. No row: somebody has it.
--
-- Parameters: sns_message_id, recipient (a hash), claimed_until, now, now

INSERT INTO emails_delivery AS mine
    (sns_message_id, recipient, state, claimed_until, outcome, reason, created_at)
VALUES (%s, %s, 'claimed', %s, '', '', %s)
ON CONFLICT (sns_message_id, recipient) DO UPDATE
    SET claimed_until = EXCLUDED.claimed_until
    WHERE mine.state = 'claimed' AND mine.claimed_until <= %s
RETURNING id
