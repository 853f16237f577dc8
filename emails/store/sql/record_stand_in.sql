-- Records what an owner's calendar is answered by. {kind} is `random` or `domain`.
--
-- Keeps: one record for each organizer and mask, the newest. None for a mask that is gone.

INSERT INTO emails_reply AS reply (lookup, metadata, {kind}_mask_id, created_at)
SELECT %(lookup)s, %(metadata)s, mask.id, %(now)s
FROM emails_{kind}mask AS mask
WHERE mask.id = %(mask)s
ON CONFLICT (lookup) DO UPDATE
SET metadata = EXCLUDED.metadata, created_at = greatest(reply.created_at, EXCLUDED.created_at)
