"""Removes rows past their retention period, a bounded number per run.

Every function returns how many rows it removed or changed, and is safe to repeat.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Model, Q, QuerySet

from emails.models import (
    AbuseCounter,
    AbusePause,
    Delivery,
    DomainMask,
    HeldDigest,
    HeldMail,
    RandomMask,
    Reply,
    SenderCounter,
)
from emails.store.database import statement
from emails.values.held import HeldState

_REMOVE_OLDEST = statement("remove_oldest")

BATCH_ROWS = 5_000
MAX_BATCHES = 400
"""A run changes at most `BATCH_ROWS * MAX_BATCHES` rows, and leaves the rest to the next run, ten
minutes later. At a thousand mails a second, 600,000 of each kind have come meanwhile."""

DELIVERY_RETENTION = timedelta(days=15)
"""Outlasts every message: we accept none older than `wire.MAX_AGE_HOURS`, and none stays in flight
longer than eleven hours after that."""

COUNTER_RETENTION = timedelta(days=30)

SENDER_COUNTER_RETENTION = timedelta(days=1)
"""Only today's are read. Clocks of workers may differ by less than that."""

ABUSE_PAUSE_RETENTION = timedelta(days=365)


def remove_old_deliveries(now: datetime) -> int:
    """Remove the records of deliveries whose message can't be redelivered."""
    return _remove_oldest(Delivery, "created_at", now - DELIVERY_RETENTION)


def remove_old_digests(now: datetime, held_for: timedelta) -> int:
    """Remove the digests whose links have expired. A mail that was told of is not told of again."""
    since = now - held_for - DELIVERY_RETENTION
    return remove_rows(HeldDigest.objects.all(), Q(ended_at__lt=since))


def remove_old_held_mails(now: datetime) -> int:
    """Remove the records of held mails that ended long ago and are no longer in S3."""
    is_old = Q(state=HeldState.CLEARED, ended_at__lt=now - DELIVERY_RETENTION)
    return remove_rows(HeldMail.objects.all(), is_old)


def remove_old_replies(now: datetime, retention: timedelta) -> int:
    """Remove reply records older than `retention`."""
    return _remove_oldest(Reply, "created_at", now - retention)


def remove_old_counters(now: datetime) -> int:
    """Remove old daily counts."""
    oldest = (now.astimezone(UTC) - COUNTER_RETENTION).date()
    return remove_rows(AbuseCounter.objects.all(), Q(day__lt=oldest))


def remove_old_sender_counters(now: datetime) -> int:
    """Remove what senders' domains sent before yesterday."""
    oldest = (now.astimezone(UTC) - SENDER_COUNTER_RETENTION).date()
    return _remove_oldest(SenderCounter, "day", oldest)


def remove_old_abuse_pauses(now: datetime) -> int:
    """Remove the records of pauses of long ago."""
    return remove_rows(AbusePause.objects.all(), Q(began_at__lt=now - ABUSE_PAUSE_RETENTION))


def erase_stale_labels(now: datetime, retention: timedelta) -> int:
    """Erase the owners' notes about masks that get no mail, or whose owner is inactive."""
    since = now - retention
    unused = Q(last_used_at__lt=since) | Q(last_used_at=None, created_at__lt=since)
    stale = ~Q(label="") & (unused | Q(profile__user__is_active=False))
    return _erase_labels(RandomMask.objects.all(), stale) + _erase_labels(
        DomainMask.objects.all(), stale
    )


def _remove_oldest(model: type[Model], column: str, before: date) -> int:
    """Remove the rows that are older; for large tables to whose rows no other refers."""
    sql = _REMOVE_OLDEST.format(table=model._meta.db_table, column=column)  # noqa: SLF001
    total = 0
    for _ in range(MAX_BATCHES):
        with connection.cursor() as cursor:
            cursor.execute(sql, [before, BATCH_ROWS])
            removed = cursor.rowcount
        total += removed
        if removed < BATCH_ROWS:
            break
    return total


def remove_rows(table: "QuerySet[Any]", where: Q) -> int:
    """Remove the rows that match; return how many."""
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
