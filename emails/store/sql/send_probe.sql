-- Releases an owner's oldest mail that is held for the mailbox, and notes it as the breaker's probe.
--
-- Keeps: a breaker has one probe at a time; none is chosen if it has changed since it was looked at.
--
-- Parameters: breaker's id, opened_at, step

WITH breaker AS (
    SELECT id, profile_id FROM emails_mailboxbreaker
    WHERE id = %s AND opened_at = %s AND step = %s AND probe_id IS NULL
        AND next_probe_at <= clock_timestamp()
    FOR UPDATE
), oldest AS (
    SELECT held.id FROM emails_heldmail AS held, breaker
    WHERE held.owner_id = breaker.profile_id AND held.state = 'held' AND held.reason = 'mailbox'
    ORDER BY held.received_at, held.id
    LIMIT 1
    FOR UPDATE OF held
), released AS (
    UPDATE emails_heldmail AS held
    SET state = 'releasing', releases = held.releases + 1, attempts = 0, tried_at = NULL,
        released_at = clock_timestamp()
    FROM oldest
    WHERE held.id = oldest.id AND held.state = 'held'
    RETURNING held.id
)
UPDATE emails_mailboxbreaker AS chosen
SET probe_id = released.id, probe_sent_at = NULL, probe_delivery = '', probe_ses_id = ''
FROM released, breaker
WHERE chosen.id = breaker.id
RETURNING chosen.id
