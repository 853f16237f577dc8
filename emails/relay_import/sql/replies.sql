-- Reply records from `incoming`, for masks that were taken.
--
-- insert
INSERT INTO relay_import_importedreply (source_id, lookup, metadata, random_mask_id, domain_mask_id,
    created_on)
SELECT i.source_id, i.lookup, i.metadata, r.mask_id, d.mask_id, i.created_on
FROM incoming AS i
LEFT JOIN relay_import_importedrandommask AS r ON r.source_id = i.random_mask
LEFT JOIN relay_import_importeddomainmask AS d ON d.source_id = i.domain_mask
WHERE r.mask_id IS NOT NULL OR d.mask_id IS NOT NULL
ORDER BY i.source_id
ON CONFLICT (source_id) DO NOTHING
-- not_taken
SELECT i.source_id, 'no_mask' FROM incoming AS i
LEFT JOIN relay_import_importedrandommask AS r ON r.source_id = i.random_mask
LEFT JOIN relay_import_importeddomainmask AS d ON d.source_id = i.domain_mask
WHERE r.source_id IS NULL AND d.source_id IS NULL
