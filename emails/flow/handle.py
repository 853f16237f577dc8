"""The entry point: takes a notification, returns the outcome for each of its recipients.

Each recipient is settled separately, so one failure doesn't affect the others. The stored mail is
deleted only after all are settled, and only if all are ours: otherwise it may be somebody else's
mail, too, in a shared bucket, or `MASK_DOMAINS` is wrong.
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
from emails.store import claims
from emails.values.errors import MAX_TRIES, NotFinished, PortionDone, Refused, Unavailable
from emails.values.facts import Policy
from emails.values.notifications import (
    Bounce,
    BouncedRecipient,
    Complaint,
    Notification,
    Received,
    StoredMail,
)
from emails.values.outcomes import WORK_NOT_RUN, Ignored, IgnoreReason, Outcome, RefuseReason
from runtime.dependencies import Dependency

T = TypeVar("T")

_MANY = 5
"""More recipients may take several portions."""


def handle(
    notification: Notification, sns_message_id: str, *, ports: Ports, now: datetime
) -> tuple[Outcome, ...]:
    """Handle the notification. Raises the failure of a recipient that could not be settled.

    Handling the same notification again does only what is still missing. A mail to many recipients
    is settled in portions, one in each attempt.
    """
    context = Context(ports, sns_message_id, now)
    match notification:
        case Received():
            return _received(context, notification)
        case Bounce():
            settle_bounce = partial(feedback.settle_bounce, context, notification)
            recipients = notification.recipients or (BouncedRecipient(address=""),)
            return _settle_each(context, recipients, settle_bounce)
        case Complaint():
            settle_complaint = partial(feedback.settle_complaint, context)
            return _settle_each(context, (notification,), settle_complaint)
        case _:
            assert_never(notification)


def _received(context: Context, notification: Received) -> tuple[Outcome, ...]:
    content, ports = notification.content, context.ports
    if isinstance(content, StoredMail) and content.bucket != ports.policy.bucket:
        # If one message names another bucket, that message is wrong; if all do, our setting is.
        raise Unavailable(
            RefuseReason.FOREIGN_BUCKET,
            Dependency.CONFIGURATION,
            "AWS_S3_EMAIL_BUCKET",
            max_tries=MAX_TRIES,
        )
    recipients = our_recipients(notification.recipients, ports.policy)
    if not recipients:
        not_ours = Ignored(IgnoreReason.NOT_OURS)
        events.settled(not_ours, context.sns_message_id, None)
        return (not_ours,)
    if len(recipients) > _MANY:
        # Each later portion would ask for, and log, each recipient of all earlier ones.
        context.progress.finished = claims.find_finished(context.sns_message_id)
    ports.pace.check_place()
    with Inbound(notification, ports.mail_store, ports.make_room()) as inbound:
        outcomes = _settle_each(context, recipients, partial(received.settle, context, inbound))
    if isinstance(content, StoredMail) and _are_all_ours(notification, ports.policy):
        _delete(ports, content)
    return outcomes


def _delete(ports: Ports, mail: StoredMail) -> None:
    """Delete a settled mail. If that fails, its message has succeeded all the same.

    Nobody tries again: the bucket's expiry deletes it. An attempt that dies between this and its
    acknowledgement is followed by one that finds everything settled, and needs no mail.
    """
    try:
        ports.mail_store.delete_one(mail)
    except (NotFinished, Refused) as error:
        events.mails_not_deleted(1, events.error_code_of(error) or error.reason)


def _are_all_ours(notification: Received, policy: Policy) -> bool:
    return all(our_recipients([one], policy) for one in notification.recipients)


def _settle_each(
    context: Context, parts: Iterable[T], settle: Callable[[T], Outcome]
) -> tuple[Outcome, ...]:
    """Settle each part. If any failed, raise one failure, preferably one that is retried.

    Raises `PortionDone` when that has taken long and parts are left. Each attempt settles one more
    at least, however long it takes to find that earlier ones are settled.
    """
    outcomes: list[Outcome] = []
    failures: list[Exception] = []
    started, portion = context.ports.clock(), context.ports.policy.portion
    for part in parts:
        has_settled = len(outcomes) > context.progress.settled_before
        if has_settled and context.ports.clock().since(started) >= portion:
            raise PortionDone
        try:
            outcomes.append(settle(part))
        except Exception as error:  # noqa: BLE001 — the others must still be settled
            events.not_settled(error, context.sns_message_id)
            failures.append(error)
    if failures:
        raise min(failures, key=_finality)
    return tuple(outcomes)


def _finality(error: Exception) -> int:
    """Rank failures: those to retry first, refusals last.

    Very first those that say nothing about the work, so that `DeliveryLimit` forgets no death.
    """
    if isinstance(error, NotFinished):
        return 0 if error.reason in WORK_NOT_RUN else 1
    return 3 if isinstance(error, Refused) else 2
