-- Reserves a mail's place in today's limits of its sender's domain and of its mask. Returns whether
-- it has one now, and whether the sender's limit had room. {kind} is `random` or `domain`.
--
-- Keeps: a delivery is counted once. A mail that the sender's limit refuses is not counted for the
-- mask. (One that the mask's limit refuses stays counted for the sender, which changes nothing: the
-- mask takes no more mail today.) Locks rows in the order delivery, sender counter, mask.

WITH mine AS (
    SELECT id, reserved_on FROM emails_delivery WHERE id = %(delivery)s FOR UPDATE
), counted AS (
    INSERT INTO emails_sendercounter AS counter (key, day, mails, bytes, masks)
    SELECT %(sender)s, %(day)s, 1, %(size)s, 0
    FROM mine
    WHERE reserved_on IS NULL AND %(size)s <= %(sender_bytes)s
    ON CONFLICT (key, day) DO UPDATE
    SET mails = counter.mails + 1, bytes = counter.bytes + EXCLUDED.bytes
    WHERE counter.mails < %(sender_mails)s
        AND counter.bytes + EXCLUDED.bytes <= %(sender_bytes)s
    RETURNING id
), used AS (
    UPDATE emails_{kind}mask AS mask
    SET counted_on = greatest(mask.counted_on, %(day)s),
        mails_that_day = 1
            + CASE WHEN mask.counted_on >= %(day)s THEN mask.mails_that_day ELSE 0 END,
        bytes_that_day = %(size)s
            + CASE WHEN mask.counted_on >= %(day)s THEN mask.bytes_that_day ELSE 0 END
    FROM counted
    WHERE mask.id = %(mask)s
        AND %(size)s <= %(mask_bytes)s
        AND (
            mask.counted_on IS NULL
            OR mask.counted_on < %(day)s
            OR mask.mails_that_day < %(mask_mails)s
                AND mask.bytes_that_day + %(size)s <= %(mask_bytes)s
        )
    RETURNING mask.id
), marked AS (
    UPDATE emails_delivery AS delivery
    SET reserved_on = %(day)s
    FROM used
    WHERE delivery.id = %(delivery)s
)
SELECT (SELECT reserved_on IS NOT NULL FROM mine) OR EXISTS (SELECT FROM used),
    EXISTS (SELECT FROM counted)
