"""Deliveries in doubt: an operator says whether the mail was sent.

All functions raise `NotFinished` if the database is unavailable.
"""

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING

from emails.models import Delivery, DeliveryState
from emails.store.database import raises_not_finished
from emails.values.outcomes import Forwarded, ForwardReason, name_of

if TYPE_CHECKING:
    from django.db.models import QuerySet

SAID_SENT = Forwarded(ForwardReason.SAID_SENT)


@raises_not_finished
def say_sent(rows: "QuerySet[Delivery]", now: datetime) -> int:
    """Finish those of these deliveries that are in doubt: none is sent again. Return how many."""
    return _in_doubt(rows).update(
        state=DeliveryState.FINISHED,
        outcome=name_of(SAID_SENT),
        reason=SAID_SENT.reason.value,
        finished_at=now,
    )


@raises_not_finished
def say_not_sent(rows: "QuerySet[Delivery]") -> int:
    """Forget those that are in doubt, so that the next attempt sends them. Return how many."""
    deleted, _ = _in_doubt(rows).delete()
    return deleted


def of_messages(sns_message_ids: Collection[str]) -> "QuerySet[Delivery]":
    """Return the deliveries of these notifications."""
    return Delivery.objects.filter(sns_message_id__in=sns_message_ids)


def _in_doubt(rows: "QuerySet[Delivery]") -> "QuerySet[Delivery]":
    return rows.filter(state=DeliveryState.IN_DOUBT)
