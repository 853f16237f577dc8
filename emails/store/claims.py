"""Claims, so that each mail is sent once: claim a delivery before sending, finish it afterwards.

Claiming is one SQL statement, so only one worker gets the claim. A claim expires, by the database's
clock, so that another worker can take over when its worker dies. It outlasts any attempt, so a live
worker is not taken over; a worker that was suspended for longer doesn't send. A delivery in doubt
(its mail may have been sent) stays so until an operator decides (see docs/outcomes.md).
"""

import hashlib
from datetime import UTC, datetime, timedelta

from django.db import connection
from django.db.models import QuerySet

from emails.models import Delivery, DeliveryState
from emails.store.database import raises_not_finished, statement
from emails.values.deliveries import (
    Claim,
    ClaimedElsewhere,
    ClaimResult,
    Finished,
    InDoubt,
    Instant,
)
from emails.values.outcomes import Outcome, from_stored, name_of

_CLAIM = statement("claim")

RELEASED = datetime(1970, 1, 1, tzinfo=UTC)
"""The end of a claim that was given back before anything was sent."""


def recipient_hash(sns_message_id: str, purpose: str, recipient: str) -> str:
    """Return a hash that identifies one delivery without revealing its recipient."""
    return hashlib.sha256(
        f"{sns_message_id}\n{purpose}\n{recipient}".encode("utf-8", "replace")
    ).hexdigest()


@raises_not_finished
def claim(
    sns_message_id: str, purpose: str, recipient: str, started: Instant, lifetime: timedelta
) -> ClaimResult:
    """Claim one delivery of a notification, if nobody else has it.

    `purpose` distinguishes several mails to the same recipient; `started` is now. Like all
    functions here, raises `NotFinished` if the database is unavailable.
    """
    hashed = recipient_hash(sns_message_id, purpose, recipient)
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [sns_message_id, hashed, lifetime.total_seconds()])
        row = cursor.fetchone()
    if row is not None:
        return Claim(row[0], until=row[1], started=started, lifetime=lifetime)
    delivery = Delivery.objects.filter(sns_message_id=sns_message_id, recipient=hashed).first()
    match delivery:
        case Delivery(state=DeliveryState.FINISHED):
            return Finished(from_stored(delivery.outcome, delivery.reason))
        case Delivery(state=DeliveryState.IN_DOUBT):
            return InDoubt()
        case _:
            return ClaimedElsewhere()


def finish(claimed: Claim, outcome: Outcome, now: datetime) -> bool:
    """Record the outcome. False: it was finished before, so count nothing again.

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
    )
    return changed == 1


@raises_not_finished
def release(claimed: Claim) -> None:
    """Release the claim after sending nothing, so that the next attempt need not wait."""
    _if_still_ours(claimed).update(claimed_until=RELEASED)


@raises_not_finished
def mark_in_doubt(claimed: Claim) -> None:
    """Record that the mail may have been sent."""
    _if_still_ours(claimed).update(state=DeliveryState.IN_DOUBT)


def _if_still_ours(claimed: Claim) -> "QuerySet[Delivery]":
    """Return a query for the claim's row that is empty if another worker has taken over."""
    return Delivery.objects.filter(
        pk=claimed.delivery_id, state=DeliveryState.CLAIMED, claimed_until=claimed.until
    )
