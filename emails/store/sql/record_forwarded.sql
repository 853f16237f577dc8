-- Records a forwarded mail: five tables in one statement. {kind} is `random` or `domain`.
--
-- Keeps: changes nothing if the delivery was finished before. Locks rows in the order delivery, mask,
-- counter, owner.

WITH finished AS (
    UPDATE emails_delivery
    SET state = %(finished)s, outcome = %(outcome)s, reason = %(reason)s, finished_at = %(now)s
    WHERE id = %(delivery)s AND state <> %(finished)s
    RETURNING id
), used AS (
    UPDATE emails_{kind}mask AS mask
    SET forwarded = mask.forwarded + 1,
        trackers_removed = mask.trackers_removed + %(trackers_removed)s,
        last_used_at = %(now)s
    FROM finished
    WHERE mask.id = %(mask)s
    RETURNING mask.id
), thread AS (
    INSERT INTO emails_reply (lookup, metadata, {kind}_mask_id, created_at)
    SELECT %(lookup)s, %(metadata)s, used.id, %(now)s
    FROM used
    WHERE %(has_reply)s
), counted AS (
    INSERT INTO emails_abusecounter AS counter (profile_id, day, mails, bytes, replies, masks)
    SELECT %(owner)s, %(day)s, 1, %(size)s, 0, 0
    FROM finished LEFT JOIN used ON true
    ON CONFLICT (profile_id, day) DO UPDATE
    SET mails = counter.mails + 1, bytes = counter.bytes + EXCLUDED.bytes
    RETURNING mails, bytes
)
UPDATE emails_profile
SET flagged_at = %(now)s
FROM counted
WHERE id = %(owner)s AND (mails > %(max_mails)s OR bytes > %(max_bytes)s)
