-- Counts the forwarded mails of the time that ends now, how many of them bounced for good, and how many
-- were reported as spam: by mask, and by the keyed hash of the sender's domain. Only those with any feedback.
--
-- A bounce or a complaint leads to the mail that it is about by SES's id. Each table is read once.
--
-- Parameters: how long that is; the reasons of bounces and of complaints (arrays)

WITH feedback AS MATERIALIZED (
    SELECT mail.mask, mail.sender,
        (report.reason = ANY(%(bounces)s))::int AS bounced,
        (report.reason = ANY(%(complaints)s))::int AS complained
    FROM emails_delivery AS report
    JOIN emails_delivery AS mail ON mail.sent_as = report.mail_id AND mail.outcome = 'forwarded'
    WHERE report.created_at >= clock_timestamp() - %(window)s AND report.outcome = 'recorded'
        AND report.reason = ANY(%(bounces)s || %(complaints)s)
), sent AS MATERIALIZED (
    SELECT mask, sender, count(*)::int AS number
    FROM emails_delivery
    WHERE created_at >= clock_timestamp() - %(window)s AND outcome = 'forwarded'
    GROUP BY mask, sender
), by_mask AS (
    SELECT mask, sum(number)::int AS number FROM sent GROUP BY mask
), by_sender AS (
    SELECT sender, sum(number)::int AS number FROM sent GROUP BY sender
)
SELECT 'mask', mask, coalesce(by_mask.number, 0), sum(bounced)::int, sum(complained)::int
FROM feedback LEFT JOIN by_mask USING (mask)
WHERE mask IS NOT NULL
GROUP BY mask, by_mask.number
UNION ALL
SELECT 'sender', sender, coalesce(by_sender.number, 0), sum(bounced)::int, sum(complained)::int
FROM feedback LEFT JOIN by_sender USING (sender)
WHERE sender IS NOT NULL
GROUP BY sender, by_sender.number
