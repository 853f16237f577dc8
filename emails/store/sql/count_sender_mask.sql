-- Counts a new domain mask for the sender whose mail created it, and returns the day's number.
--
-- Parameters: key, day

INSERT INTO emails_sendercounter AS counter (key, day, mails, bytes, masks)
VALUES (%s, %s, 0, 0, 1)
ON CONFLICT (key, day) DO UPDATE SET masks = counter.masks + 1
RETURNING masks
