-- Reserves a reply's place in its owner's limit for today. Returns whether it has one now.
--
-- Keeps: no more replies have a place than the limit allows, and a delivery has one at most.
--
-- Parameters: delivery, owner, day, limit

WITH mine AS (
    SELECT id, reserved_on FROM emails_delivery WHERE id = %(delivery)s FOR UPDATE
), counted AS (
    INSERT INTO emails_abusecounter AS counter (profile_id, day, mails, bytes, replies, masks)
    SELECT %(owner)s, %(day)s, 0, 0, 1, 0
    FROM mine
    WHERE reserved_on IS NULL
    ON CONFLICT (profile_id, day) DO UPDATE
    SET replies = counter.replies + 1
    WHERE counter.replies < %(limit)s
    RETURNING id
), marked AS (
    UPDATE emails_delivery AS delivery
    SET reserved_on = %(day)s
    FROM counted
    WHERE delivery.id = %(delivery)s
)
SELECT (SELECT reserved_on IS NOT NULL FROM mine) OR EXISTS (SELECT FROM counted)
