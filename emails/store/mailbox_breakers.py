"""Mailbox breakers: opened by bounces, closed when a probe arrives. All by the database's clock.

A breaker's row is locked before a held mail's. All functions raise `NotFinished` if the
database is unavailable.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, QuerySet
from django.db.models.functions import Now, Upper

from emails.models import HeldMail
from emails.models import MailboxBreaker as Row
from emails.rules.mailbox_breaker import time_to_bounce, time_to_probe
from emails.store import held_releases
from emails.store.database import raises_not_finished, statement
from emails.values.facts import OwnerFacts
from emails.values.held import HeldState
from emails.values.mailboxes import (
    BreakerChange,
    DueBreaker,
    MailboxBounce,
    MailboxBreaker,
    Probe,
    ProbeProgress,
)
from emails.values.outcomes import HeldReason

_FIND_DUE, _SEND_PROBE = map(statement, ("find_due_breakers", "send_probe"))
_NO_PROBE: dict[str, Any] = {
    "probe": None,
    "probe_sent_at": None,
    "probe_delivery": "",
    "probe_ses_id": "",
}


@raises_not_finished
def record_bounce(
    owner: OwnerFacts, bounce: MailboxBounce, schedule: Sequence[timedelta], wait: timedelta
) -> BreakerChange | None:
    """Open the owner's breaker, or take it a step further if its probe bounced.

    Bounces of older mails change nothing. Call it in a transaction.
    """
    found = Row.objects.select_for_update().filter(profile=owner.id).first()
    if found is not None and found.address.upper() != owner.address.upper():
        found.delete()
        found = None
    if found is None:
        _open(owner, bounce, schedule, wait)
        return BreakerChange.OPENED
    if not _is_of_probe(found, bounce):
        return None
    held_releases.hold_bounced(found.probe_delivery, HeldReason.MAILBOX)
    step = found.step + 1
    Row.objects.filter(pk=found.pk).update(
        meaning=bounce.meaning.value,
        step=step,
        wait=max(found.wait, time_to_bounce(wait, bounce.took)),
        next_probe_at=Now() + time_to_probe(step, schedule),
        **_NO_PROBE,
    )
    return BreakerChange.PROBE_BOUNCED


def _open(
    owner: OwnerFacts, bounce: MailboxBounce, schedule: Sequence[timedelta], wait: timedelta
) -> None:
    """Open it, unless another worker has just done so."""
    values = {
        "address": owner.address,
        "meaning": bounce.meaning.value,
        "opened_at": Now(),
        "wait": time_to_bounce(wait, bounce.took),
        "next_probe_at": Now() + time_to_probe(0, schedule),
    }
    Row.objects.bulk_create([Row(profile_id=owner.id, **values)], ignore_conflicts=True)


def _is_of_probe(breaker: Row, bounce: MailboxBounce) -> bool:
    """Return whether the probe bounced: by our tag, or without tags by SES's id."""
    if breaker.probe_id is None or not breaker.probe_delivery:
        return False
    if bounce.delivery:
        return bounce.delivery == breaker.probe_delivery
    # It may bounce before its id is noted. Better a step too many than a mailbox taken for sound.
    return breaker.probe_ses_id in ("", bounce.ses_id)


@raises_not_finished
def find_due(limit: int) -> list[DueBreaker]:
    """Find the breakers that something is due for, those that wait the longest first."""
    with connection.cursor() as cursor:
        cursor.execute(_FIND_DUE, [limit])
        return [_due(row) for row in cursor.fetchall()]


def _due(row: tuple[Any, ...]) -> DueBreaker:
    key, owner, opened_at, is_current, step, next_at, wait, *probed, now = row
    state, outcome, reason, sent_at = probed
    probe = Probe(_progress(state, outcome, reason, sent_at), sent_at) if state else None
    breaker = MailboxBreaker(owner, opened_at, is_current, step, next_at, wait, probe, now)
    return DueBreaker(key, breaker)


def _progress(state: str, outcome: str, reason: str, sent_at: datetime | None) -> ProbeProgress:
    if state == HeldState.RELEASING:
        return ProbeProgress.UNDERWAY
    # The mailbox's server refused this very mail. So it takes others.
    was_refused = sent_at is not None and reason == HeldReason.CANNOT_BE_SENT
    return ProbeProgress.SENT if outcome == "forwarded" or was_refused else ProbeProgress.FAILED


@raises_not_finished
def close(due: DueBreaker) -> bool:
    """Close a breaker; False: it has changed since it was looked at."""
    removed, _ = _unchanged(due).delete()
    return removed > 0


@raises_not_finished
def send_probe(due: DueBreaker) -> bool:
    """Release the owner's oldest held mail as the probe; False: there is none, or it changed."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_SEND_PROBE, [due.id, due.breaker.opened_at, due.breaker.step])
        return cursor.fetchone() is not None


@raises_not_finished
def start_waiting(due: DueBreaker) -> None:
    """Note that the probe was sent by now."""
    _unchanged(due).filter(probe_sent_at=None).update(probe_sent_at=Now())


@raises_not_finished
def forget_probe(due: DueBreaker) -> None:
    """Let another mail be the probe, at once."""
    _unchanged(due).update(**_NO_PROBE)


def _unchanged(due: DueBreaker) -> "QuerySet[Row]":
    return Row.objects.filter(
        pk=due.id,
        opened_at=due.breaker.opened_at,
        step=due.breaker.step,
        probe__isnull=due.breaker.probe is None,
    )


@raises_not_finished
def let_through(held_mail: int, delivery: str) -> bool:
    """Note by which delivery a held mail is sent as the probe; False: it isn't the probe."""
    return Row.objects.filter(probe=held_mail).update(probe_delivery=delivery) > 0


@raises_not_finished
def record_probe_sent(delivery: str, ses_id: str) -> None:
    """Note that SES has the probe: its time to bounce begins. Nothing, if it bounced already."""
    Row.objects.filter(probe_delivery=delivery).update(probe_sent_at=Now(), probe_ses_id=ses_id)


@raises_not_finished
def find_owners_to_release(limit: int) -> list[int]:
    """Find active owners who have mail held for their mailbox, but no open breaker.

    A breaker's row may go in any way: closed, deleted by an operator, an address changed.
    """
    held = HeldMail.objects.filter(
        state=HeldState.HELD, reason=HeldReason.MAILBOX, owner__user__is_active=True
    )
    is_open = Row.objects.filter(profile=OuterRef("owner")).annotate(
        now=Upper("profile__user__email")
    )
    without = held.filter(~Exists(is_open.filter(now=Upper(F("address")))))
    return list(without.values_list("owner", flat=True).distinct()[:limit])


@raises_not_finished
def close_by_hand(ids: Sequence[int]) -> int:
    """Close breakers on an operator's word; return how many were open."""
    return Row.objects.filter(pk__in=ids).delete()[0]


@raises_not_finished
def count_open() -> int:
    """Count the open breakers."""
    return Row.objects.count()
