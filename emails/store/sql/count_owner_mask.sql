-- Counts a new domain mask for its owner, and returns the day's number.
--
-- Parameters: profile_id, day

INSERT INTO emails_abusecounter AS counter (profile_id, day, mails, bytes, replies, masks)
VALUES (%s, %s, 0, 0, 0, 1)
ON CONFLICT (profile_id, day) DO UPDATE SET masks = counter.masks + 1
RETURNING masks
