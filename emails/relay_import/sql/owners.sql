-- Owners from `incoming`. Statements are separated by lines of dashes. `%(now)s`: the time.
--
-- Accounts for those who have neither a link nor an account with this address.
-- insert_users
INSERT INTO auth_user (username, email, is_active, date_joined, password, is_superuser, is_staff,
    first_name, last_name)
SELECT 'relay-' || i.source_id, i.email, i.is_active, i.created_at,
    '!' || md5(random()::text) || md5(random()::text), false, false, '', ''
FROM incoming AS i
WHERE NOT EXISTS (SELECT FROM relay_import_importedowner AS o WHERE o.source_id = i.source_id)
    AND NOT EXISTS (SELECT FROM auth_user AS u WHERE upper(u.email) = upper(i.email))
ORDER BY i.source_id
ON CONFLICT DO NOTHING
-- insert_profiles
INSERT INTO emails_profile (user_id, is_premium, language, blocks_spam, blocks_senders,
    removes_trackers, allows_metrics, created_at)
SELECT DISTINCT ON (u.id) u.id, i.is_premium, i.language, i.blocks_spam, false,
    i.removes_trackers, i.allows_metrics, i.created_at
FROM incoming AS i JOIN auth_user AS u ON upper(u.email) = upper(i.email) AND u.email <> ''
WHERE NOT EXISTS (SELECT FROM relay_import_importedowner AS o WHERE o.source_id = i.source_id)
    AND NOT EXISTS (SELECT FROM emails_profile AS p WHERE p.user_id = u.id)
ORDER BY u.id, i.source_id
ON CONFLICT DO NOTHING
-- link
INSERT INTO relay_import_importedowner (source_id, profile_id, seen_blocks_spam, seen_replies)
SELECT DISTINCT ON (p.id) i.source_id, p.id, p.blocks_spam, 0
FROM incoming AS i
JOIN auth_user AS u ON upper(u.email) = upper(i.email) AND u.email <> ''
JOIN emails_profile AS p ON p.user_id = u.id
WHERE NOT EXISTS (SELECT FROM relay_import_importedowner AS o WHERE o.source_id = i.source_id)
    AND NOT EXISTS (SELECT FROM relay_import_importedowner AS o WHERE o.profile_id = p.id)
ORDER BY p.id, i.source_id
RETURNING profile_id
-- update_users
UPDATE auth_user AS u SET email = i.email, is_active = i.is_active
FROM incoming AS i
JOIN relay_import_importedowner AS o ON o.source_id = i.source_id
JOIN emails_profile AS p ON p.id = o.profile_id
WHERE u.id = p.user_id
    AND (u.email, u.is_active) IS DISTINCT FROM (i.email, i.is_active)
    AND NOT EXISTS (
        SELECT FROM auth_user AS other WHERE upper(other.email) = upper(i.email) AND other.id <> u.id
    )
RETURNING p.id
-- update_profiles
UPDATE emails_profile AS p SET
    is_premium = i.is_premium,
    language = i.language,
    removes_trackers = i.removes_trackers,
    allows_metrics = i.allows_metrics,
    blocks_spam = CASE WHEN i.blocks_spam IS DISTINCT FROM o.seen_blocks_spam
        THEN i.blocks_spam ELSE p.blocks_spam END,
    flagged_at = CASE WHEN i.flagged_at IS DISTINCT FROM o.seen_flagged_at
        THEN i.flagged_at ELSE p.flagged_at END,
    first_replied_at = CASE WHEN i.has_replied
        THEN coalesce(p.first_replied_at, %(now)s) ELSE p.first_replied_at END
FROM incoming AS i JOIN relay_import_importedowner AS o ON o.source_id = i.source_id
WHERE p.id = o.profile_id
    AND ((p.is_premium, p.language, p.removes_trackers, p.allows_metrics)
            IS DISTINCT FROM (i.is_premium, i.language, i.removes_trackers, i.allows_metrics)
        OR i.blocks_spam IS DISTINCT FROM o.seen_blocks_spam
        OR i.flagged_at IS DISTINCT FROM o.seen_flagged_at
        OR (i.has_replied AND p.first_replied_at IS NULL))
RETURNING p.id
-- update_names
UPDATE emails_profile AS p SET subdomain = i.subdomain
FROM incoming AS i JOIN relay_import_importedowner AS o ON o.source_id = i.source_id
WHERE p.id = o.profile_id AND p.subdomain IS NULL AND i.subdomain IS NOT NULL
    AND NOT EXISTS (SELECT FROM emails_profile AS other WHERE other.subdomain = i.subdomain)
RETURNING p.id
-- open_breakers
INSERT INTO emails_mailboxbreaker (profile_id, address, meaning, opened_at, step, wait,
    next_probe_at, probe_delivery, probe_ses_id)
SELECT o.profile_id, i.email, i.bounce_meaning, i.bounced_at, 0, %(probe_wait)s, %(now)s, '', ''
FROM incoming AS i JOIN relay_import_importedowner AS o ON o.source_id = i.source_id
WHERE o.profile_id IS NOT NULL AND i.bounced_at IS NOT NULL
    AND i.bounced_at IS DISTINCT FROM o.seen_bounced_at
ON CONFLICT (profile_id) DO NOTHING
RETURNING profile_id
-- count_replies
INSERT INTO emails_abusecounter AS c (profile_id, day, mails, bytes, replies, masks)
SELECT o.profile_id, i.replies_on, 0, 0,
    i.replies - CASE WHEN o.seen_replies_on = i.replies_on THEN o.seen_replies ELSE 0 END, 0
FROM incoming AS i JOIN relay_import_importedowner AS o ON o.source_id = i.source_id
WHERE o.profile_id IS NOT NULL AND i.replies_on = %(today)s
    AND i.replies > CASE WHEN o.seen_replies_on = i.replies_on THEN o.seen_replies ELSE 0 END
ON CONFLICT (profile_id, day) DO UPDATE SET replies = c.replies + excluded.replies
RETURNING profile_id
-- note_seen
UPDATE relay_import_importedowner AS o SET
    seen_blocks_spam = i.blocks_spam, seen_flagged_at = i.flagged_at,
    seen_bounced_at = i.bounced_at, seen_replies = i.replies, seen_replies_on = i.replies_on
FROM incoming AS i
WHERE o.source_id = i.source_id
    AND (o.seen_blocks_spam, o.seen_flagged_at, o.seen_bounced_at, o.seen_replies,
         o.seen_replies_on)
        IS DISTINCT FROM (i.blocks_spam, i.flagged_at, i.bounced_at, i.replies, i.replies_on)
-- not_taken
SELECT i.source_id, 'address_taken' FROM incoming AS i
WHERE NOT EXISTS (SELECT FROM relay_import_importedowner AS o WHERE o.source_id = i.source_id)
UNION ALL
SELECT i.source_id, 'address_taken' FROM incoming AS i
JOIN relay_import_importedowner AS o ON o.source_id = i.source_id
JOIN emails_profile AS p ON p.id = o.profile_id
JOIN auth_user AS u ON u.id = p.user_id
WHERE u.email <> i.email
UNION ALL
SELECT i.source_id, 'name_taken' FROM incoming AS i
JOIN relay_import_importedowner AS o ON o.source_id = i.source_id
JOIN emails_profile AS p ON p.id = o.profile_id
WHERE i.subdomain IS NOT NULL AND p.subdomain IS DISTINCT FROM i.subdomain
-- missing
SELECT p.user_id FROM relay_import_importedowner AS o JOIN emails_profile AS p ON p.id = o.profile_id
WHERE o.source_id > %(low)s AND o.source_id <= %(high)s
    AND NOT EXISTS (SELECT FROM present AS i WHERE i.source_id = o.source_id)
