-- Gives back the place that a reply had reserved: it was not sent, and won't be.
--
-- Keeps: a place is given back once, and not at all after the delivery was finished.
--
-- Parameters: delivery, owner

WITH mine AS (
    SELECT id, reserved_on FROM emails_delivery
    WHERE id = %(delivery)s AND reserved_on IS NOT NULL AND state <> 'finished'
    FOR UPDATE
), unmarked AS (
    UPDATE emails_delivery AS delivery
    SET reserved_on = NULL
    FROM mine
    WHERE delivery.id = mine.id
), owned AS (
    UPDATE emails_profile AS owner
    SET first_replied_at = NULL, first_reply = NULL
    FROM mine
    WHERE owner.id = %(owner)s AND owner.first_reply = mine.id
)
UPDATE emails_abusecounter AS counter
SET replies = counter.replies - 1
FROM mine
WHERE counter.profile_id = %(owner)s AND counter.day = mine.reserved_on AND counter.replies > 0
