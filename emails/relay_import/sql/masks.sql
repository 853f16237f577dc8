-- Masks of one kind from `incoming`; `{mask}` and `{link}` are the tables of that kind.
--
-- insert
INSERT INTO {mask} (profile_id, local, domain, block, label, forwarded, blocked, dropped, replied,
    trackers_removed, created_at, last_used_at)
SELECT o.profile_id, i.local, i.domain, i.block, i.label, i.forwarded, i.blocked, i.dropped,
    i.replied, i.trackers_removed, i.created_at, i.last_used_at
FROM incoming AS i
JOIN relay_import_importedowner AS o ON o.source_id = i.owner AND o.profile_id IS NOT NULL
WHERE NOT EXISTS (SELECT FROM {link} AS l WHERE l.source_id = i.source_id)
ORDER BY i.source_id
ON CONFLICT (local, domain) DO NOTHING
-- link
INSERT INTO {link} (source_id, mask_id, seen_block, seen_forwarded, seen_blocked, seen_dropped,
    seen_replied, seen_trackers_removed)
SELECT DISTINCT ON (m.id) i.source_id, m.id, m.block, i.forwarded, i.blocked, i.dropped, i.replied,
    i.trackers_removed
FROM incoming AS i
JOIN relay_import_importedowner AS o ON o.source_id = i.owner
JOIN {mask} AS m ON m.local = i.local AND m.domain = i.domain AND m.profile_id = o.profile_id
WHERE NOT EXISTS (SELECT FROM {link} AS l WHERE l.source_id = i.source_id)
    AND NOT EXISTS (SELECT FROM {link} AS l WHERE l.mask_id = m.id)
ORDER BY m.id, i.source_id
RETURNING mask_id
-- update
UPDATE {mask} AS m SET
    block = CASE WHEN i.block <> l.seen_block THEN i.block ELSE m.block END,
    label = i.label,
    forwarded = greatest(0, m.forwarded + i.forwarded - l.seen_forwarded),
    blocked = greatest(0, m.blocked + i.blocked - l.seen_blocked),
    dropped = greatest(0, m.dropped + i.dropped - l.seen_dropped),
    replied = greatest(0, m.replied + i.replied - l.seen_replied),
    trackers_removed =
        greatest(0, m.trackers_removed + i.trackers_removed - l.seen_trackers_removed),
    last_used_at = greatest(m.last_used_at, i.last_used_at)
FROM incoming AS i JOIN {link} AS l ON l.source_id = i.source_id
WHERE m.id = l.mask_id
    AND ((i.block, i.forwarded, i.blocked, i.dropped, i.replied, i.trackers_removed)
            IS DISTINCT FROM (l.seen_block, l.seen_forwarded, l.seen_blocked, l.seen_dropped,
                l.seen_replied, l.seen_trackers_removed)
        OR m.label <> i.label
        OR greatest(m.last_used_at, i.last_used_at) IS DISTINCT FROM m.last_used_at)
RETURNING m.id
-- note_seen
UPDATE {link} AS l SET
    seen_block = i.block, seen_forwarded = i.forwarded, seen_blocked = i.blocked,
    seen_dropped = i.dropped, seen_replied = i.replied, seen_trackers_removed = i.trackers_removed
FROM incoming AS i
WHERE l.source_id = i.source_id
    AND (i.block, i.forwarded, i.blocked, i.dropped, i.replied, i.trackers_removed)
        IS DISTINCT FROM (l.seen_block, l.seen_forwarded, l.seen_blocked, l.seen_dropped,
            l.seen_replied, l.seen_trackers_removed)
-- not_taken
SELECT i.source_id,
    CASE WHEN o.source_id IS NULL THEN 'no_owner'
        WHEN o.profile_id IS NULL THEN 'owner_deleted_here' ELSE 'address_taken' END
FROM incoming AS i LEFT JOIN relay_import_importedowner AS o ON o.source_id = i.owner
WHERE NOT EXISTS (SELECT FROM {link} AS l WHERE l.source_id = i.source_id)
-- missing
SELECT l.mask_id FROM {link} AS l
WHERE l.source_id > %(low)s AND l.source_id <= %(high)s AND l.mask_id IS NOT NULL
    AND NOT EXISTS (SELECT FROM present AS i WHERE i.source_id = l.source_id)
