"""Counts per UTC day: of an owner, of a mask, of a sender's domain.

Each update is one statement, so no count is lost. `reservations` counts what must not exceed its
limit: the same statement looks at the limit, so no two take the same last place.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.db import connection

from emails.store.database import statement

_COUNT, _COUNT_SENDER_MASK = statement("count"), statement("count_sender_mask")

_KEY_BYTES = 16


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts of mails, their bytes, replies, and new domain masks."""

    mails: int = 0
    size: int = 0
    replies: int = 0
    masks: int = 0


def count(owner_id: int, now: datetime, more: Counts) -> Counts:
    """Add to the owner's counts for today, and return today's totals."""
    with connection.cursor() as cursor:
        cursor.execute(
            _COUNT, [owner_id, day_of(now), more.mails, more.size, more.replies, more.masks]
        )
        return Counts(*cursor.fetchone())


def count_mask_of_sender(sender: str, now: datetime) -> int:
    """Count a new domain mask for the sender whose mail created it; return today's number."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_SENDER_MASK, [sender, day_of(now)])
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
