-- Adds to an owner's counts for a day, and returns the day's totals.
--
-- Parameters: profile_id, day, mails, bytes, replies, masks

INSERT INTO emails_abusecounter AS counter (profile_id, day, mails, bytes, replies, masks)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (profile_id, day) DO UPDATE SET
    mails = counter.mails + EXCLUDED.mails,
    bytes = counter.bytes + EXCLUDED.bytes,
    replies = counter.replies + EXCLUDED.replies,
    masks = counter.masks + EXCLUDED.masks
RETURNING mails, bytes, replies, masks
