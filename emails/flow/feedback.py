"""Bounces and complaints: whose is it? → what does it say? → record; then perhaps a notice."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from emails.edges import charted, events
from emails.flow import feedback_notices
from emails.flow.attributing import attribute, named
from emails.flow.context import Context
from emails.flow.deliver import Result, run_once
from emails.rules import bounce as bounces
from emails.rules import bounce_evidence
from emails.rules import complaint as complaints
from emails.rules.addresses import only_address_in
from emails.store import records
from emails.values.attribution import Attribution
from emails.values.deliveries import Claim
from emails.values.facts import MaskFacts, OwnerFacts
from emails.values.mailboxes import BounceMeaning, MailboxBounce
from emails.values.notifications import Bounce, BouncedRecipient, Complaint
from emails.values.outcomes import Outcome, Recorded, RecordReason

_OF_MAILBOX = frozenset(
    {
        RecordReason.HARD_BOUNCE,
        RecordReason.SOFT_BOUNCE,
        RecordReason.BOUNCE_OF_FORMER_ADDRESS,
    }
)


def settle_bounce(context: Context, bounce: Bounce, recipient: BouncedRecipient) -> Outcome:
    """Record one bounced recipient; without an address, SES named none."""
    reported = named(recipient.address)

    def work(claimed: Claim) -> Result:
        about = attribute(context, bounce.mail, reported)
        meaning = bounce_evidence.judge(bounce.kind, bounce.subkind, recipient)
        reason = _if_known(bounces.judge(meaning, about), reported)
        if about.owner is not None and reason in _OF_MAILBOX:
            outcome, said = Recorded(reason), _said(bounce, meaning)
            result = _of_mailbox(context, claimed, outcome, about.owner, about.mask, said)
        else:
            delivery = bounce.mail.tag("delivery") or ""
            result = _recorded(context, claimed, reason, about, delivery)
        return _counted(result, partial(charted.bounced, bounce, recipient))

    key = _key(recipient.address)
    outcome = run_once(context, "bounce", key, work)
    feedback_notices.tell_of_bounce(context, outcome, bounce, recipient)
    return outcome


def settle_complaint(context: Context, complaint: Complaint) -> Outcome:
    """Record a complaint: one, however many people SES guesses that it may be from.

    We send each mail to one person. https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html#complained-recipients
    """
    reported = complaint.recipients

    def work(claimed: Claim) -> Result:
        about = attribute(context, complaint.mail, reported)
        reason = complaints.judge(complaint.feedback, complaint.subkind, about)
        result = _recorded(context, claimed, _if_known(reason, reported), about)
        return _counted(result, partial(charted.complained, complaint))

    key = _key(reported[0] if reported else "")
    outcome = run_once(context, "complaint", key, work)
    feedback_notices.tell_of_complaint(context, outcome, complaint)
    return outcome


def _counted(result: Result, count: Callable[[], None]) -> Result:
    """Count it once it is recorded: an attempt that fails before is repeated."""

    def record() -> None:
        result.record()
        count()

    return replace(result, record=record)


def _if_known(reason: RecordReason, reported: tuple[str, ...]) -> RecordReason:
    """Say so if nobody is known because SES named nobody."""
    if reason is RecordReason.UNKNOWN_RECIPIENT and not reported:
        return RecordReason.NO_RECIPIENT
    return reason


def _recorded(
    context: Context,
    claimed: Claim,
    reason: RecordReason,
    about: Attribution,
    delivery: str = "",
) -> Result:
    outcome, ref = Recorded(reason), about.mask.ref if about.mask else None
    return Result(
        outcome,
        ref,
        lambda: records.record_feedback(claimed, outcome, about.owner, ref, context.now, delivery),
    )


def _of_mailbox(
    context: Context,
    claimed: Claim,
    outcome: Recorded,
    owner: OwnerFacts,
    mask: MaskFacts | None,
    bounce: MailboxBounce,
) -> Result:
    ref = mask.ref if mask else None

    def record() -> None:
        change = records.record_mailbox_bounce(
            claimed, outcome, owner, ref, bounce, context.ports.policy, context.now
        )
        if change is not None:
            events.mailbox_breaker_changed(change, bounce.meaning)

    return Result(outcome, ref, record)


def _said(bounce: Bounce, meaning: BounceMeaning) -> MailboxBounce:
    delivery = bounce.mail.tag("delivery") or ""
    return MailboxBounce(meaning, delivery, bounce.mail.message_id, bounce.took)


def _key(text: str) -> str:
    address = only_address_in(text)
    return str(address) if address else text
