"""A received mail, for one recipient at a time: load → decide → carry out."""

from collections.abc import Mapping
from functools import partial
from typing import assert_never

from emails import events, replies
from emails.deliver import Done, Job, once, send, settled
from emails.facts import FoundMask, MissingMask, SentKind, UnbornMask
from emails.inbound import Inbound
from emails.mime import ForwardPlan, Note, Rewritten, rewrite_forward
from emails.once import Claim, Outgoing, Sent
from emails.outcomes import Forwarded, Ignored, IgnoreReason, NoMask, NoMaskReason, Outcome
from emails.rules import forward
from emails.rules.addresses import (
    MaskRecipient,
    Recipient,
    RepliesRecipient,
    UnreadRecipient,
)
from emails.rules.developer import asks_for_developer_mode, simulated_recipient
from emails.rules.threads import thread_of

_PURPOSE = "received"


def settle(job: Job, inbound: Inbound, recipient: Recipient) -> Outcome:
    """Carry the mail out for one recipient. Raises `NotFinished` or `Refused`."""
    match recipient:
        case UnreadRecipient(address):
            return once(job, _PURPOSE, str(address), partial(_to_nobody, job))
        case RepliesRecipient():
            return replies.settle(job, inbound, recipient)
        case MaskRecipient(address):
            return once(job, _PURPOSE, str(address), partial(_to_mask, job, inbound, recipient))
        case _:
            assert_never(recipient)


def _to_nobody(job: Job, claimed: Claim) -> Done:
    return settled(job, claimed, Ignored(IgnoreReason.NOREPLY))


def _to_mask(job: Job, inbound: Inbound, recipient: MaskRecipient, claimed: Claim) -> Done:
    target = job.edges.store.find_mask(recipient, job.now)
    # For what is no mask the mail need not be fetched, even if SES left headers out.
    mail = inbound.glance() if isinstance(target, MissingMask) else inbound.facts()
    decision = forward.decide(mail, target, job.edges.policy, job.now)
    if not isinstance(decision, forward.Forward):
        ref = target.mask.ref if isinstance(target, FoundMask) else None
        return settled(job, claimed, decision, ref)
    found = _born(job, decision.target)
    if found is None:
        return settled(job, claimed, NoMask(NoMaskReason.TOO_MANY_MASKS))
    return _forward(job, inbound, found, Forwarded(decision.reason), claimed)


def _born(job: Job, target: FoundMask | UnbornMask) -> FoundMask | None:
    if isinstance(target, FoundMask):
        return target
    mask = job.edges.store.record_new_mask(target, job.now)
    return FoundMask(mask, target.owner) if mask else None


def _forward(
    job: Job, inbound: Inbound, found: FoundMask, outcome: Forwarded, claimed: Claim
) -> Done:
    rewritten = rewrite_forward(inbound.raw(), _plan(job, found))
    outgoing = _outgoing(job, inbound, found, rewritten)
    thread = thread_of(inbound.facts())
    removed = sum(rewritten.trackers_removed.values())
    sent = Sent(send(job, claimed, outgoing), size=len(outgoing.raw), trackers_removed=removed)

    def record() -> None:
        job.edges.store.record_forwarded(claimed, outcome, found, sent, thread, job.now)
        if removed and found.owner.allows_metrics:
            events.trackers_removed(removed)

    return Done(outcome, found.mask.ref, record, was_sent=True)


def _outgoing(job: Job, inbound: Inbound, found: FoundMask, rewritten: Rewritten) -> Outgoing:
    recipient = found.owner.address
    if _is_developers(job, found):
        recipient = simulated_recipient(found.mask) or recipient
        events.developer_mode(job.sns_message_id, found.mask.ref, inbound.facts(), rewritten)
    return Outgoing(
        raw=rewritten.raw,
        sender=found.mask.address,
        recipient=recipient,
        tags=found.mask.tags(SentKind.FORWARD),
    )


def _is_developers(job: Job, found: FoundMask) -> bool:
    return asks_for_developer_mode(found.mask) and job.edges.store.find_is_developer(found.owner)


def _plan(job: Job, found: FoundMask) -> ForwardPlan:
    edges = job.edges

    def make_note(trackers_removed: Mapping[str, int]) -> Note:
        return edges.make_note(found.mask.address, found.owner.language, trackers_removed)

    return ForwardPlan(
        mask=found.mask.address,
        recipient=found.owner.address,
        reply_to=edges.policy.replies_address,
        make_note=make_note,
        now=job.now,
        trackers=edges.trackers if found.owner.removes_trackers else frozenset(),
        warning_url=edges.policy.warning_url,
    )
