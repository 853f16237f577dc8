"""The conductor: a notification in, the outcome of each of its recipients out.

Each recipient is settled on its own: whatever happens to one, the others get theirs. Only when all
are settled is the stored mail discarded. The only place that catches `NotFinished`.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import TypeVar, assert_never

from emails import events, feedback, received
from emails.deliver import Edges, Job
from emails.errors import NotFinished, Refused
from emails.inbound import Inbound
from emails.notifications import Bounce, Complaint, Notification, Received, StoredMail
from emails.outcomes import Ignored, IgnoreReason, Outcome, RefuseReason
from emails.rules.addresses import our_recipients

T = TypeVar("T")


def handle(
    notification: Notification, sns_message_id: str, *, edges: Edges, now: datetime
) -> tuple[Outcome, ...]:
    """Carry the notification out. Raises `NotFinished` or `Refused` if a recipient is not settled.

    Calling it again with the same notification does only what is still to be done.
    """
    job = Job(edges, sns_message_id, now)
    match notification:
        case Received():
            return _received(job, notification)
        case Bounce():
            settle_bounce = partial(feedback.settle_bounce, job, notification)
            return _settle_each(job, notification.recipients, settle_bounce)
        case Complaint():
            settle_complaint = partial(feedback.settle_complaint, job, notification)
            return _settle_each(job, notification.recipients, settle_complaint)
        case _:
            assert_never(notification)


def _received(job: Job, notification: Received) -> tuple[Outcome, ...]:
    content, edges = notification.content, job.edges
    if isinstance(content, StoredMail) and content.bucket != edges.policy.bucket:
        raise Refused(RefuseReason.FOREIGN_BUCKET)
    inbound = Inbound(notification, edges.mail_store)
    recipients = our_recipients(notification.recipients, edges.policy)
    outcomes = _settle_each(job, recipients, partial(received.settle, job, inbound))
    if not recipients:
        outcomes = (Ignored(IgnoreReason.NOT_OURS),)
        events.settled(outcomes[0], job.sns_message_id, None)
    if isinstance(content, StoredMail):
        edges.discard(content)
    return outcomes


def _settle_each(
    job: Job, parts: Iterable[T], settle: Callable[[T], Outcome]
) -> tuple[Outcome, ...]:
    """Settle all that can be settled; then raise the failure that asks for a retry, if any does."""
    outcomes: list[Outcome] = []
    failures: list[Exception] = []
    for part in parts:
        try:
            outcomes.append(settle(part))
        except Exception as error:  # noqa: BLE001 — whatever it is, the next one gets its turn
            events.not_settled(error, job.sns_message_id)
            failures.append(error)
    if failures:
        raise min(failures, key=_finality)
    return tuple(outcomes)


def _finality(error: Exception) -> int:
    """Rank failures: what is retried first, what is refused last."""
    if isinstance(error, NotFinished):
        return 0
    return 2 if isinstance(error, Refused) else 1
