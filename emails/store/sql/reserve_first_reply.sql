-- Reserves an owner's one free reply for a delivery. Returns whether it is this delivery's now.
--
-- Keeps: one delivery at most has it. The reply counts for the day, too.
--
-- Parameters: delivery, owner, day, now

WITH mine AS (
    SELECT id, reserved_on FROM emails_delivery WHERE id = %(delivery)s FOR UPDATE
), taken AS (
    UPDATE emails_profile AS owner
    SET first_replied_at = %(now)s, first_reply = mine.id
    FROM mine
    WHERE owner.id = %(owner)s AND owner.first_replied_at IS NULL AND mine.reserved_on IS NULL
    RETURNING owner.id
), counted AS (
    INSERT INTO emails_abusecounter AS counter (profile_id, day, mails, bytes, replies, masks)
    SELECT id, %(day)s, 0, 0, 1, 0
    FROM taken
    ON CONFLICT (profile_id, day) DO UPDATE SET replies = counter.replies + 1
), marked AS (
    UPDATE emails_delivery AS delivery
    SET reserved_on = %(day)s
    FROM taken
    WHERE delivery.id = %(delivery)s
)
SELECT (SELECT reserved_on IS NOT NULL FROM mine) OR EXISTS (SELECT FROM taken)
