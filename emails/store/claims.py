"""Once only: a delivery is claimed before anything is sent, and finished with what it led to.

A claim is one statement, so of many workers one gets it. It expires: whoever claimed and died is
taken over. It expires later than any attempt can last, so nobody is taken over while at work; and
who stood still for longer does not send any more.
What was perhaps sent stays in doubt: nobody sends it again but an operator (see docs/outcomes.md).
"""

import hashlib
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import QuerySet

from emails.models import Delivery, DeliveryState
from emails.store.database import statement, translated
from emails.values.deliveries import Claim, ClaimedElsewhere, ClaimResult, Finished, InDoubt
from emails.values.outcomes import Outcome, name_of, restored

_CLAIM = statement("claim")


def recipient_hash(sns_message_id: str, purpose: str, recipient: str) -> str:
    """Name one delivery of a notification without the address that it is for."""
    return hashlib.sha256(
        f"{sns_message_id}\n{purpose}\n{recipient}".encode("utf-8", "replace")
    ).hexdigest()


@translated
def claim(
    sns_message_id: str, purpose: str, recipient: str, now: datetime, lasts: timedelta
) -> ClaimResult:
    """Claim one delivery of a notification, if nobody has it.

    `purpose` distinguishes several mails to the same recipient. Raises `NotFinished`, as all
    functions here do, when the database is away.
    """
    hashed, until = recipient_hash(sns_message_id, purpose, recipient), now + lasts
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [sns_message_id, hashed, until, now, now])
        row = cursor.fetchone()
    if row is not None:
        return Claim(delivery_id=row[0], until=until)
    delivery = Delivery.objects.filter(sns_message_id=sns_message_id, recipient=hashed).first()
    match delivery:
        case Delivery(state=DeliveryState.FINISHED):
            return Finished(restored(delivery.outcome, delivery.reason))
        case Delivery(state=DeliveryState.IN_DOUBT):
            return InDoubt()
        case _:
            return ClaimedElsewhere()


def finish(claimed: Claim, outcome: Outcome, now: datetime) -> bool:
    """Note the outcome; False: it was finished already, and nothing may be counted again.

    A claim that was taken over meanwhile is finished all the same: what we did is done.
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


@translated
def release(claimed: Claim, now: datetime) -> None:
    """Give the claim back: surely nothing was sent, and the next attempt need not wait."""
    _still_mine(claimed).update(claimed_until=now)


@translated
def mark_in_doubt(claimed: Claim) -> None:
    """Note that the mail was perhaps sent."""
    _still_mine(claimed).update(state=DeliveryState.IN_DOUBT)


def _still_mine(claimed: Claim) -> "QuerySet[Delivery]":
    return Delivery.objects.filter(
        pk=claimed.delivery_id, state=DeliveryState.CLAIMED, claimed_until=claimed.until
    )
