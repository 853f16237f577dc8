"""Counts per owner and UTC day. Each update is one statement, so no count is lost."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.db import connection

from emails.store.database import statement

_COUNT = statement("count")


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


def day_of(now: datetime) -> date:
    """Return the UTC day."""
    return now.astimezone(UTC).date()
