"""Counts per UTC day: of an owner, of a mask, of a sender's domain.

Each update is one statement, so no count is lost. `reservations` counts what must not exceed its
limit: the same statement looks at the limit, so no two take the same last place.
"""

import hashlib
from datetime import UTC, date, datetime

from django.db import connection

from emails.store.database import statement

_COUNT_OWNER_MASK, _COUNT_SENDER_MASK = map(statement, ("count_owner_mask", "count_sender_mask"))

_KEY_BYTES = 16


def count_mask_of_owner(owner_id: int, now: datetime) -> int:
    """Count a new domain mask for its owner; return today's number."""
    return _count(_COUNT_OWNER_MASK, owner_id, now)


def count_mask_of_sender(sender: str, now: datetime) -> int:
    """Count a new domain mask for the sender whose mail created it; return today's number."""
    return _count(_COUNT_SENDER_MASK, sender, now)


def _count(sql: str, whose: int | str, now: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, [whose, day_of(now)])
        (number,) = cursor.fetchone()
        return int(number)


def sender_key(secret: bytes, scope: str, domain: str | None) -> str:
    """Name a sender's domain to the counters, in one scope: a mask's address, or an owner.

    None: all senders that aren't authenticated. Without the secret nobody can tell the domain, and
    rows of two scopes can't be linked.
    """
    key = hashlib.blake2b(secret, digest_size=32).digest()
    text = f"{scope}\n{domain or ''}".encode("utf-8", "replace")
    return hashlib.blake2b(
        text, key=key, person=b"sender counter", digest_size=_KEY_BYTES
    ).hexdigest()


def owner_scope(owner_id: int) -> str:
    """Name an owner as a scope of senders."""
    return f"owner {owner_id}"


def day_of(now: datetime) -> date:
    """Return the UTC day."""
    return now.astimezone(UTC).date()
