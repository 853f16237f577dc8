"""The predecessor's tables, as its migrations of August 2026 make them: what we read of them.

The only module that names them. Rows are read by ranges of their ids, or as `where` says.
"""

from dataclasses import dataclass
from datetime import date, datetime

APP = "privaterelay"
"""An app of the predecessor that we have none of: its migrations tell its database from ours."""

TABLE = "emails_relayaddress"
"""A table of the predecessor's alone."""

READ = (
    "auth_user",
    "django_migrations",
    "emails_abusemetrics",
    "emails_deletedaddress",
    "emails_domainaddress",
    "emails_profile",
    "emails_registeredsubdomain",
    "emails_relayaddress",
    "emails_reply",
    "socialaccount_socialaccount",
)


@dataclass(frozen=True, slots=True)
class SourceOwner:
    """An account, with its profile if it has one. `account` is JSON text about its subscriptions.

    `masks` says whether it owns any.
    """

    id: int
    email: str
    is_active: bool
    joined_at: datetime
    account: str | None
    has_profile: bool
    has_masks: bool
    name: str | None
    blocks_spam: bool | None
    removes_trackers: bool | None
    hard_bounce_at: datetime | None
    soft_bounce_at: datetime | None
    flagged_at: datetime | None
    has_replied: bool | None
    replies: int | None
    replies_since: datetime | None


@dataclass(frozen=True, slots=True)
class SourceMask:
    """A mask of either kind. Only a domain mask's owner needs a `name`."""

    id: int
    owner: int
    local: str
    domain: int
    is_enabled: bool
    blocks_promotions: bool
    description: str
    made_for: str
    forwarded: int
    blocked: int
    spam: int
    replied: int
    trackers: int | None
    created_at: datetime
    last_used_at: datetime | None
    keeps_labels: bool
    name: str | None


@dataclass(frozen=True, slots=True)
class SourceReply:
    """A reply record."""

    id: int
    lookup: str
    metadata: str
    random_mask: int | None
    domain_mask: int | None
    created_on: date


@dataclass(frozen=True, slots=True)
class SourceHash:
    """The unkeyed hash of a deleted mask's address, or of a name."""

    id: int
    hash: str


OWNERS = """
SELECT main.id, main.email, main.is_active, main.date_joined, account.extra_data,
       profile.id IS NOT NULL,
       EXISTS (SELECT FROM emails_relayaddress WHERE user_id = main.id)
           OR EXISTS (SELECT FROM emails_domainaddress WHERE user_id = main.id),
       profile.subdomain, profile.auto_block_spam, profile.remove_level_one_email_trackers,
       profile.last_hard_bounce, profile.last_soft_bounce, profile.last_account_flagged,
       profile.forwarded_first_reply, usage.num_replies_per_day, usage.first_recorded
FROM auth_user AS main
LEFT JOIN emails_profile AS profile ON profile.user_id = main.id
LEFT JOIN LATERAL (
    SELECT extra_data FROM socialaccount_socialaccount
    WHERE user_id = main.id AND provider = 'fxa' ORDER BY id LIMIT 1
) AS account ON true
LEFT JOIN LATERAL (
    SELECT num_replies_per_day, first_recorded FROM emails_abusemetrics
    WHERE user_id = main.id ORDER BY first_recorded DESC LIMIT 1
) AS usage ON true
WHERE {where}
ORDER BY main.id
"""

_MASKS = """
SELECT main.id, main.user_id, main.address, main.domain, main.enabled, main.block_list_emails,
       main.description, {made_for}, main.num_forwarded, main.num_blocked, main.num_spam,
       main.num_replied, main.num_level_one_trackers_blocked, main.created_at, main.last_used_at,
       coalesce(profile.server_storage, true), profile.subdomain
FROM {table} AS main
LEFT JOIN emails_profile AS profile ON profile.user_id = main.user_id
WHERE {{where}}
ORDER BY main.id
"""
RANDOM_MASKS = _MASKS.format(table="emails_relayaddress", made_for="main.generated_for")
DOMAIN_MASKS = _MASKS.format(table="emails_domainaddress", made_for="''")

REPLIES = """
SELECT main.id, main.lookup, main.encrypted_metadata, main.relay_address_id,
       main.domain_address_id, main.created_at
FROM emails_reply AS main WHERE {where} ORDER BY main.id
"""
DELETED = "SELECT main.id, main.address_hash FROM emails_deletedaddress AS main WHERE {where} \
ORDER BY main.id"
NAMES = "SELECT main.id, main.subdomain_hash FROM emails_registeredsubdomain AS main WHERE {where} \
ORDER BY main.id"

RANGE = "main.id > %(low)s AND main.id <= %(high)s"
CHANGED_SINCE = f"main.last_modified_at >= %(since)s AND {RANGE}"
BY_LOOKUP = "main.lookup = ANY(%(lookups)s)"
RANDOM_BY_ADDRESS = "lower(main.address) = %(local)s AND main.domain = %(domain)s"
RANDOM_BY_EXACT_ADDRESS = "main.address = %(local)s AND main.domain = %(domain)s"
DOMAIN_BY_ADDRESS = (
    "main.user_id IN (SELECT user_id FROM emails_profile WHERE subdomain = %(name)s)"
    " AND lower(main.address) = %(local)s AND main.domain = 2"
)

COUNTS = {
    "owners": "SELECT count(*) FROM auth_user",
    "random_masks": "SELECT count(*) FROM emails_relayaddress",
    "domain_masks": "SELECT count(*) FROM emails_domainaddress",
    "deleted_masks": "SELECT count(*) FROM emails_deletedaddress",
    "names": "SELECT count(*) FROM emails_registeredsubdomain",
    "replies": "SELECT count(*) FROM emails_reply",
}

BUCKET = 1_000
"""How many ids are compared by one sum. The statements say it, too."""

_SUMS = "SELECT id / 1000, count(*), sum(id)::numeric FROM {table} GROUP BY 1"
# What the website changes of an owner has no date of its own.
SUMS = {
    "owners": """
SELECT main.id / 1000, count(*), sum(hashtextextended(
    concat_ws('|', main.id, main.email, main.is_active, account.extra_data, profile.subdomain,
        profile.auto_block_spam, profile.remove_level_one_email_trackers,
        profile.last_hard_bounce, profile.last_soft_bounce, profile.last_account_flagged,
        profile.forwarded_first_reply, profile.server_storage), 0)::numeric)
FROM auth_user AS main
LEFT JOIN emails_profile AS profile ON profile.user_id = main.id
LEFT JOIN socialaccount_socialaccount AS account
    ON account.user_id = main.id AND account.provider = 'fxa'
GROUP BY 1
""",
    "random_masks": _SUMS.format(table="emails_relayaddress"),
    "domain_masks": _SUMS.format(table="emails_domainaddress"),
}

FINGERPRINT = """
SELECT md5(string_agg(app || name || extract(epoch FROM applied), ',' ORDER BY id))
FROM (SELECT * FROM django_migrations ORDER BY id LIMIT 20) AS first
"""
CAN_WRITE = """
SELECT coalesce(bool_or(has_table_privilege(current_user, name, 'INSERT, UPDATE, DELETE')), false)
FROM unnest(%(tables)s::text[]) AS name
"""
HIGHEST = {
    "deleted_masks": "SELECT coalesce(max(id), 0) FROM emails_deletedaddress",
    "names": "SELECT coalesce(max(id), 0) FROM emails_registeredsubdomain",
    "replies": "SELECT coalesce(max(id), 0) FROM emails_reply",
}

OWN_NOTHING = """
SELECT count(*) FROM auth_user AS u
WHERE NOT EXISTS (SELECT FROM emails_profile WHERE user_id = u.id)
    AND NOT EXISTS (SELECT FROM emails_relayaddress WHERE user_id = u.id)
    AND NOT EXISTS (SELECT FROM emails_domainaddress WHERE user_id = u.id)
"""
