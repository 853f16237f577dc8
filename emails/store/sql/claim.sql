-- Claims a delivery: inserts its row, or takes over an expired claim. Returns no row if another
-- worker holds the claim, or the delivery is finished or in doubt.
--
-- Parameters: sns_message_id, recipient (a hash), claimed_until, now, now

INSERT INTO emails_delivery AS mine
    (sns_message_id, recipient, state, claimed_until, outcome, reason, created_at)
VALUES (%s, %s, 'claimed', %s, '', '', %s)
ON CONFLICT (sns_message_id, recipient) DO UPDATE
    SET claimed_until = EXCLUDED.claimed_until
    WHERE mine.state = 'claimed' AND mine.claimed_until <= %s
RETURNING id
