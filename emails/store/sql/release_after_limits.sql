-- Releases mails that were held for a daily limit: each active owner's oldest that were not tried today.
--
-- Keeps: a mail is released once a day at most. If its limit has no room, it is held again.
--
-- Parameters: the reasons (an array), when the day began, how many of each owner

WITH waiting AS (
    SELECT held.id, row_number() OVER (PARTITION BY owner_id ORDER BY received_at, held.id) AS place
    FROM emails_heldmail AS held
    JOIN emails_profile AS profile ON profile.id = held.owner_id
    JOIN auth_user AS owner ON owner.id = profile.user_id AND owner.is_active
    WHERE held.state = 'held' AND held.reason = ANY(%(reasons)s)
        AND coalesce(held.tried_at, held.held_at) < %(day_began)s
)
UPDATE emails_heldmail AS mail
SET state = 'releasing', releases = mail.releases + 1, attempts = 0, tried_at = NULL,
    released_at = clock_timestamp()
FROM waiting
WHERE mail.id = waiting.id AND waiting.place <= %(of_each_owner)s AND mail.state = 'held'
