"""Removes rows past their retention period, a bounded number per run.

Every function returns how many rows it removed or changed, and is safe to repeat.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet

from emails.models import (
    AbuseCounter,
    Delivery,
    DomainMask,
    HeldDigest,
    HeldMail,
    RandomMask,
    Reply,
)
from emails.values.held import HeldState

BATCH_ROWS = 5_000
MAX_BATCHES = 100
"""A run changes at most `BATCH_ROWS * MAX_BATCHES` rows, and leaves the rest to the next run."""

DELIVERY_RETENTION = timedelta(days=15)
"""Outlasts every message: we accept none older than `wire.MAX_AGE_HOURS`, and none stays in flight
longer than eleven hours after that."""

COUNTER_RETENTION = timedelta(days=30)


def remove_old_deliveries(now: datetime) -> int:
    """Remove the records of deliveries whose message can't be redelivered."""
    return _remove(Delivery.objects.all(), Q(created_at__lt=now - DELIVERY_RETENTION))


def remove_old_digests(now: datetime, held_for: timedelta) -> int:
    """Remove the digests whose links have expired. A mail that was told of is not told of again."""
    since = now - held_for - DELIVERY_RETENTION
    return _remove(HeldDigest.objects.all(), Q(ended_at__lt=since))


def remove_old_held_mails(now: datetime) -> int:
    """Remove the records of held mails that ended long ago and are no longer in S3."""
    is_old = Q(state=HeldState.CLEARED, ended_at__lt=now - DELIVERY_RETENTION)
    return _remove(HeldMail.objects.all(), is_old)


def remove_old_replies(now: datetime, retention: timedelta) -> int:
    """Remove reply records older than `retention`."""
    return _remove(Reply.objects.all(), Q(created_at__lt=now - retention))


def remove_old_counters(now: datetime) -> int:
    """Remove old daily counts."""
    oldest = (now.astimezone(UTC) - COUNTER_RETENTION).date()
    return _remove(AbuseCounter.objects.all(), Q(day__lt=oldest))


def erase_stale_labels(now: datetime, retention: timedelta) -> int:
    """Erase the owners' notes about masks that get no mail, or whose owner is inactive."""
    since = now - retention
    unused = Q(last_used_at__lt=since) | Q(last_used_at=None, created_at__lt=since)
    stale = ~Q(label="") & (unused | Q(profile__user__is_active=False))
    return _erase_labels(RandomMask.objects.all(), stale) + _erase_labels(
        DomainMask.objects.all(), stale
    )


def _remove(table: "QuerySet[Any]", where: Q) -> int:
    return _in_batches(table, where, lambda batch: batch.delete()[0])


def _erase_labels(table: "QuerySet[Any]", where: Q) -> int:
    return _in_batches(table, where, lambda batch: batch.update(label=""))


def _in_batches(table: "QuerySet[Any]", where: Q, change: Callable[["QuerySet[Any]"], int]) -> int:
    """Change all matching rows. Each batch commits separately, so no lock is held for long."""
    total = 0
    for _ in range(MAX_BATCHES):
        ids = list(table.filter(where).order_by("pk").values_list("pk", flat=True)[:BATCH_ROWS])
        total += change(table.filter(pk__in=ids))
        if len(ids) < BATCH_ROWS:
            break
    return total
