-- Records a forwarded mail: four tables in one statement. {kind} is `random` or `domain`.
--
-- Keeps: changes nothing if the delivery was finished before. Counts nothing for today's limits if
-- the mail has reserved its place. A count never goes back to an earlier day. Locks rows in the order
-- delivery, sender counter, mask; the joins make it so.

WITH finished AS (
    UPDATE emails_delivery
    SET state = %(finished)s, outcome = %(outcome)s, reason = %(reason)s, finished_at = %(now)s,
        mask = %(mask_ref)s, sent_as = %(sent_as)s, sender = %(sender_domain)s
    WHERE id = %(delivery)s AND state <> %(finished)s
    RETURNING id, (reserved_on IS NULL)::int AS uncounted
), counted AS (
    INSERT INTO emails_sendercounter AS counter (key, day, mails, bytes, masks)
    SELECT %(sender)s, %(day)s, 1, %(size)s, 0
    FROM finished
    WHERE uncounted = 1
    ON CONFLICT (key, day) DO UPDATE
    SET mails = counter.mails + 1, bytes = counter.bytes + EXCLUDED.bytes
    RETURNING id
), used AS (
    UPDATE emails_{kind}mask AS mask
    SET forwarded = mask.forwarded + 1,
        trackers_removed = mask.trackers_removed + %(trackers_removed)s,
        last_used_at = %(now)s,
        counted_on = greatest(mask.counted_on, %(day)s),
        mails_that_day = uncounted
            + CASE WHEN mask.counted_on >= %(day)s THEN mask.mails_that_day ELSE 0 END,
        bytes_that_day = uncounted * %(size)s
            + CASE WHEN mask.counted_on >= %(day)s THEN mask.bytes_that_day ELSE 0 END
    FROM finished LEFT JOIN counted ON true
    WHERE mask.id = %(mask)s
    RETURNING mask.id
)
INSERT INTO emails_reply (lookup, metadata, {kind}_mask_id, created_at)
SELECT %(lookup)s, %(metadata)s, used.id, %(now)s
FROM used
WHERE %(has_reply)s
