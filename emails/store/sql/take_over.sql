-- Takes a delivery over from an earlier attempt. Returns no row if it has changed meanwhile, so of
-- several attempts that want it only one gets it.
--
-- Parameters: seconds that the claim lasts, the worker's name or NULL, id, state and claimed_until as found

UPDATE emails_delivery
SET state = 'claimed',
    claimed_until = clock_timestamp() + %s * interval '1 second',
    claimed_by = %s
WHERE id = %s AND state = %s AND claimed_until = %s
RETURNING claimed_until, reserved_on IS NOT NULL
