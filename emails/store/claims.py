"""Claims, so that each mail is sent once: claim a delivery before sending, finish it afterwards.

Claiming is one SQL statement, so only one worker gets the claim. A claim expires, by the database's
clock, so that another worker can take over when its worker dies. It outlasts any attempt, so a live
worker is not taken over; a worker that was suspended for longer doesn't send. Whether a delivery
that an earlier attempt left may be taken over is decided in `emails.rules.unsettled`.
"""

import hashlib
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.db.models.functions import Now

from emails.models import Delivery, DeliveryState
from emails.store.database import raises_not_finished, statement
from emails.values.deliveries import (
    NO_END,
    RELEASED,
    Claim,
    ClaimResult,
    Finished,
    Instant,
    Unsettled,
)
from emails.values.errors import NotFinished
from emails.values.facts import MaskRef
from emails.values.outcomes import Outcome, RetryReason, from_stored, name_of
from runtime.message_context import current

_CLAIM, _FIND, _TAKE_OVER = map(statement, ("claim", "find_delivery", "take_over"))

_REFERENCE_DIGITS = 12
_MAX_ID_DIGITS = 18


def recipient_hash(sns_message_id: str, purpose: str, recipient: str) -> str:
    """Return a hash that identifies one delivery without revealing its recipient."""
    return hashlib.sha256(
        f"{sns_message_id}\n{purpose}\n{recipient}".encode("utf-8", "replace")
    ).hexdigest()


@raises_not_finished
def claim(
    sns_message_id: str,
    purpose: str,
    recipient: str,
    started: Instant,
    lifetime: timedelta,
    worker: str = "",
) -> ClaimResult:
    """Claim one delivery of a notification, unless an earlier attempt left or finished it.

    `purpose` distinguishes several mails to the same recipient; `started` is now, and `worker` is
    this process's name, if it has one. The ids of the message that this thread works on are kept
    with a new claim. Like all functions here, raises `NotFinished` if the database is unavailable.
    """
    hashed = recipient_hash(sns_message_id, purpose, recipient)
    seconds = lifetime.total_seconds()
    message = current()
    ids = [message.sqs_message_id or None, message.mail_id or None]
    values = [sns_message_id, hashed, seconds, worker or None, purpose, *ids, RELEASED]
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, values)
        row = cursor.fetchone()
        if row is not None:
            delivery_id, until, is_reserved = row
            reference = _reference(delivery_id, hashed)
            return Claim(delivery_id, reference, until, started, lifetime, is_reserved=is_reserved)
        cursor.execute(_FIND, [sns_message_id, hashed])
        row = cursor.fetchone()
    if row is None:
        # An operator has just deleted it.
        raise NotFinished(RetryReason.CLAIMED_ELSEWHERE)
    return _found(row, hashed)


@raises_not_finished
def take_over(
    found: Unsettled,
    sent_as: str | None,
    started: Instant,
    lifetime: timedelta,
    worker: str = "",
) -> Claim | None:
    """Claim a delivery that an earlier attempt left; None if it has changed meanwhile.

    `sent_as` is SES's id if the mail is known to be sent.
    """
    seconds, state = lifetime.total_seconds(), _state_of(found)
    with connection.cursor() as cursor:
        values = [seconds, worker or None, found.delivery_id, state.value, found.until]
        cursor.execute(_TAKE_OVER, values)
        row = cursor.fetchone()
    if row is None:
        return None
    until, is_reserved = row
    return Claim(found.delivery_id, found.reference, until, started, lifetime, sent_as, is_reserved)


def finish(
    claimed: Claim,
    outcome: Outcome,
    now: datetime,
    mask: MaskRef | None = None,
    sent_as: str | None = None,
) -> bool:
    """Record the outcome. False: it was finished before, so count nothing again.

    `mask` is whose mail it was, and `sent_as` SES's id of the mail that was sent.

    Also finishes a claim that another worker has taken over: our work is done all the same.
    """
    unfinished = Delivery.objects.filter(pk=claimed.delivery_id).exclude(
        state=DeliveryState.FINISHED
    )
    changed = unfinished.update(
        state=DeliveryState.FINISHED,
        outcome=name_of(outcome),
        reason=outcome.reason.value,
        finished_at=now,
        mask=str(mask) if mask else None,
        sent_as=sent_as,
    )
    return changed == 1


@raises_not_finished
def find_finished(sns_message_id: str) -> dict[str, Outcome]:
    """Find the outcomes of a notification's finished deliveries, by the recipients' hashes."""
    rows = Delivery.objects.filter(sns_message_id=sns_message_id, state=DeliveryState.FINISHED)
    found = rows.values_list("recipient", "outcome", "reason")
    return {hashed: from_stored(outcome, reason) for hashed, outcome, reason in found}


@raises_not_finished
def count_finished(sns_message_id: str, hashes: Collection[str]) -> int:
    """Count the finished ones of these deliveries of a notification."""
    rows = Delivery.objects.filter(sns_message_id=sns_message_id, recipient__in=hashes)
    return rows.filter(state=DeliveryState.FINISHED).count()


@raises_not_finished
def count_before(claimed: Claim, sns_message_id: str) -> int:
    """Count the deliveries of the same notification that were claimed before this one."""
    earlier = Delivery.objects.filter(sns_message_id=sns_message_id, pk__lt=claimed.delivery_id)
    return earlier.count()


@raises_not_finished
def release(claimed: Claim) -> None:
    """Release the claim after sending nothing, so that the next attempt need not wait."""
    _if_still_ours(claimed).update(claimed_until=RELEASED)


@raises_not_finished
def keep(claimed: Claim) -> bool:
    """Take our name off the claim, so that it holds until it expires, even if we seem dead.

    Returns False if another worker has taken it over already.
    """
    return _if_still_ours(claimed).update(claimed_by=None) == 1


@raises_not_finished
def mark_in_doubt(claimed: Claim, wait: timedelta | None) -> None:
    """Record that the mail may have been sent.

    The doubt ends by itself after `wait`; None: when an operator decides.
    """
    _doubt(_if_still_ours(claimed), wait)


@raises_not_finished
def mark_left_in_doubt(found: Unsettled, wait: timedelta) -> None:
    """Record that an earlier attempt may have sent the mail, unless it has changed meanwhile."""
    _doubt(
        Delivery.objects.filter(
            pk=found.delivery_id, state=_state_of(found), claimed_until=found.until
        ),
        wait,
    )


def _doubt(rows: "QuerySet[Delivery]", wait: timedelta | None) -> None:
    rows.update(
        state=DeliveryState.IN_DOUBT, claimed_until=NO_END if wait is None else Now() + wait
    )


def _found(row: tuple[Any, ...], hashed: str) -> Finished | Unsettled:
    delivery_id, state, outcome, reason, until, created_at, now, worker, is_connected = row
    if state == DeliveryState.FINISHED:
        return Finished(from_stored(outcome, reason))
    return Unsettled(
        delivery_id,
        _reference(delivery_id, hashed),
        is_in_doubt=state == DeliveryState.IN_DOUBT,
        until=until,
        created_at=created_at,
        now=now,
        worker=worker or "",
        is_connected=is_connected,
    )


def _state_of(found: Unsettled) -> DeliveryState:
    return DeliveryState.IN_DOUBT if found.is_in_doubt else DeliveryState.CLAIMED


def _if_still_ours(claimed: Claim) -> "QuerySet[Delivery]":
    """Return a query for the claim's row that is empty if another worker has taken over."""
    return Delivery.objects.filter(
        pk=claimed.delivery_id, state=DeliveryState.CLAIMED, claimed_until=claimed.until
    )


def find_by_reference(reference: str) -> Delivery | None:
    """Find the delivery that a claim's `reference` names; None: there is none in this database."""
    number, _, digits = reference.partition("-")
    if not (number.isascii() and number.isdigit()) or len(digits) != _REFERENCE_DIGITS:
        return None
    if len(number) > _MAX_ID_DIGITS:
        return None
    return Delivery.objects.filter(pk=int(number), recipient__startswith=digits).first()


def reference_of(row: Delivery) -> str:
    """Name a delivery as its claim does."""
    return _reference(row.pk, row.recipient)


def _reference(delivery_id: int, hashed: str) -> str:
    """Name a delivery outside of this database, where its bare number could be another's."""
    return f"{delivery_id}-{hashed[:_REFERENCE_DIGITS]}"
