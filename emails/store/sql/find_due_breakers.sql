-- Finds open mailbox breakers that something is due for, with the database's time.
--
-- Leaves out those whose probe is due and that have no mail to probe with: they would fill the limit.
-- Leaves out owners whose account is not active: their mail waits until it is.
--
-- Parameters: limit

SELECT breaker.id, breaker.profile_id, breaker.opened_at, upper(breaker.address) = upper(owner.email),
    breaker.step, breaker.next_probe_at, breaker.wait, probe.state, probe.outcome, probe.reason,
    breaker.probe_sent_at, clock_timestamp()
FROM emails_mailboxbreaker AS breaker
JOIN emails_profile AS profile ON profile.id = breaker.profile_id
JOIN auth_user AS owner ON owner.id = profile.user_id
LEFT JOIN emails_heldmail AS probe ON probe.id = breaker.probe_id
WHERE owner.is_active AND (
    upper(breaker.address) <> upper(owner.email)
    OR probe.id IS NULL AND breaker.next_probe_at <= clock_timestamp() AND EXISTS (
        SELECT FROM emails_heldmail AS held
        WHERE held.owner_id = profile.id AND held.state = 'held' AND held.reason = 'mailbox'
    )
    OR probe.state <> 'releasing' AND (
        breaker.probe_sent_at IS NULL
        OR probe.outcome <> 'forwarded'
        OR breaker.probe_sent_at + breaker.wait <= clock_timestamp()
    )
)
ORDER BY breaker.next_probe_at
LIMIT %s
