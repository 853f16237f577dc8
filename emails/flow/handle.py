"""The conductor: a notification in, the outcome of each of its recipients out.

Each recipient is settled on its own: whatever happens to one, the others get theirs. Only when all
are settled is the stored mail discarded. The only place that catches `NotFinished`.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import TypeVar, assert_never

from emails.edges import events
from emails.flow import feedback, received
from emails.flow.context import Context, Ports
from emails.flow.inbound import Inbound
from emails.rules.addresses import our_recipients
from emails.values.errors import NotFinished, Refused
from emails.values.notifications import Bounce, Complaint, Notification, Received, StoredMail
from emails.values.outcomes import Ignored, IgnoreReason, Outcome, RefuseReason

T = TypeVar("T")


def handle(
    notification: Notification, sns_message_id: str, *, ports: Ports, now: datetime
) -> tuple[Outcome, ...]:
    """Carry the notification out. Raises `NotFinished` or `Refused` if a recipient is not settled.

    Calling it again with the same notification does only what is still to be done.
    """
    context = Context(ports, sns_message_id, now)
    match notification:
        case Received():
            return _received(context, notification)
        case Bounce():
            settle_bounce = partial(feedback.settle_bounce, context, notification)
            return _settle_each(context, notification.recipients, settle_bounce)
        case Complaint():
            settle_complaint = partial(feedback.settle_complaint, context, notification)
            return _settle_each(context, notification.recipients, settle_complaint)
        case _:
            assert_never(notification)


def _received(context: Context, notification: Received) -> tuple[Outcome, ...]:
    content, ports = notification.content, context.ports
    if isinstance(content, StoredMail) and content.bucket != ports.policy.bucket:
        raise Refused(RefuseReason.FOREIGN_BUCKET)
    inbound = Inbound(notification, ports.mail_store)
    recipients = our_recipients(notification.recipients, ports.policy)
    outcomes = _settle_each(context, recipients, partial(received.settle, context, inbound))
    if not recipients:
        outcomes = (Ignored(IgnoreReason.NOT_OURS),)
        events.settled(outcomes[0], context.sns_message_id, None)
    if isinstance(content, StoredMail):
        ports.delete_later(content)
    return outcomes


def _settle_each(
    context: Context, parts: Iterable[T], settle: Callable[[T], Outcome]
) -> tuple[Outcome, ...]:
    """Settle all that can be settled; then raise the failure that asks for a retry, if any does."""
    outcomes: list[Outcome] = []
    failures: list[Exception] = []
    for part in parts:
        try:
            outcomes.append(settle(part))
        except Exception as error:  # noqa: BLE001 — whatever it is, the next one gets its turn
            events.not_settled(error, context.sns_message_id)
            failures.append(error)
    if failures:
        raise min(failures, key=_finality)
    return tuple(outcomes)


def _finality(error: Exception) -> int:
    """Rank failures: what is retried first, what is refused last."""
    if isinstance(error, NotFinished):
        return 0
    return 2 if isinstance(error, Refused) else 1
