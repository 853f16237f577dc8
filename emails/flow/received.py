"""A received mail, one recipient at a time: load → decide → carry out."""

from dataclasses import replace
from functools import partial
from typing import assert_never

from emails.edges import charted, events
from emails.flow import freezing, looking_up, loops, mail_notices, replies, reputation
from emails.flow.canaries import is_canary
from emails.flow.context import Context
from emails.flow.deliver import Result, outcome_only, run_once, send
from emails.flow.holding import hold, hold_unknown
from emails.flow.inbound import Inbound
from emails.flow.limiting import KeyIn, existing_or_new, key_in, reserve, waived_for
from emails.flow.organizers import Organizers
from emails.flow.settled import RECEIVED
from emails.mime.plans import ForwardPlan, Rewritten
from emails.mime.rewrite_forward import rewrite_forward
from emails.rules import forward
from emails.rules.addresses import (
    MaskRecipient,
    Recipient,
    RepliesRecipient,
    UnreadRecipient,
)
from emails.rules.authentication_results import authentication_results
from emails.rules.developer import asks_for_developer_mode, simulated_recipient
from emails.rules.notes import plan_note
from emails.rules.sender_blocks import senders_of
from emails.rules.threads import thread_of
from emails.store import lookups, records, sender_blocks
from emails.store.reply_records import seal
from emails.values.deliveries import Claim, Outgoing, Sent
from emails.values.errors import Refused, Unsendable, UnsendableReason
from emails.values.facts import FoundMask, MailFacts, MaskLookup, MissingMask, SentKind
from emails.values.outcomes import (
    Forwarded,
    HeldReason,
    Ignored,
    IgnoreReason,
    NoMask,
    Outcome,
    RefuseReason,
)
from emails.values.threads import Thread


def settle(context: Context, inbound: Inbound, recipient: Recipient) -> Outcome:
    """Handle the mail for one recipient. Raises `NotFinished` or `Refused`."""
    match recipient:
        case UnreadRecipient(address):
            return run_once(context, RECEIVED, str(address), partial(_to_nobody, context))
        case RepliesRecipient():
            return replies.settle(context, inbound, recipient)
        case MaskRecipient(address):
            trouble = mail_notices.Trouble()
            work = partial(_to_mask, context, inbound, recipient, trouble)
            outcome = run_once(context, RECEIVED, str(address), work)
            mail_notices.tell_if_due(context, inbound, recipient, outcome, trouble)
            return outcome
        case _:
            assert_never(recipient)


def _to_nobody(context: Context, claimed: Claim) -> Result:
    return outcome_only(context, claimed, Ignored(IgnoreReason.NOREPLY))


def _to_mask(
    context: Context,
    inbound: Inbound,
    recipient: MaskRecipient,
    trouble: mail_notices.Trouble,
    claimed: Claim,
) -> Result:
    # Of truncated headers, SES gives the topmost. Without a `From` the sender counts as unknown.
    key = key_in(context, inbound.notified_facts())
    target = looking_up.find_mask(context, recipient, key)
    if target is None:
        return hold_unknown(context, inbound, recipient, claimed)
    if isinstance(target, FoundMask):
        events.mask_found(target.mask.ref)
    decision = _decide(context, inbound, target, waived_for(claimed))
    if isinstance(decision, forward.Forward) and claimed.sent_as is None:
        decision = loops.braked(context, inbound.facts(), decision, claimed)
    if not isinstance(target, MissingMask):
        decision = freezing.frozen(context, inbound.facts(), target, decision, claimed)
        decision = reputation.braked(context, inbound.facts(), decision, claimed)
    try:
        result = carry_out(context, inbound, target, decision, claimed, key)
    except Unsendable as error:
        if not isinstance(decision, forward.Forward):
            raise
        events.cannot_be_sent(error, context.sns_message_id)
        trouble.reason = error.reason
        result = forward.Hold(decision.target, HeldReason.CANNOT_BE_SENT)
    charted.judged(inbound.notified_facts())
    if isinstance(decision, NoMask):
        charted.no_mask(target, has_name=recipient.name is not None)
    if isinstance(result, forward.Hold):
        return hold(context, inbound, result, claimed)
    return result


def carry_out(
    context: Context,
    inbound: Inbound,
    target: MaskLookup,
    decision: forward.Decision,
    claimed: Claim,
    key: KeyIn,
) -> Result | forward.Hold:
    """Forward the mail to the owner of its mask, or do what else was decided.

    Holding is left to the caller, also if only now a daily limit turns out to have no room. Raises
    `Unsendable`, and what `deliver.send` raises.
    """
    if isinstance(decision, forward.Hold):
        return decision
    if not isinstance(decision, forward.Forward):
        ref = target.mask.ref if isinstance(target, FoundMask) else None
        return outcome_only(context, claimed, decision, ref)
    found = existing_or_new(context, decision, key)
    if isinstance(found, forward.Hold):
        return found
    return _forward(context, inbound, found, decision, claimed, key(found.mask.address))


def _decide(
    context: Context, inbound: Inbound, target: MaskLookup, waived: frozenset[HeldReason]
) -> forward.Decision:
    policy, now = context.ports.policy, context.now
    if isinstance(target, MissingMask):
        # The decision needs no headers: don't fetch the mail for them.
        return forward.decide(inbound.notified_facts(), target, policy, now, waived)
    mail = inbound.facts()
    return forward.decide(
        mail,
        target,
        policy,
        now,
        waived,
        mark=loops.mark_of(context, target.address),
        answers_us=loops.answers_us(context, mail, target.owner),
        is_from_blocked_sender=is_from_blocked_sender(context, mail, target),
    )


def is_from_blocked_sender(context: Context, mail: MailFacts, target: MaskLookup) -> bool:
    """Return whether the mask's owner blocks the mail's sender."""
    if isinstance(target, MissingMask):
        return False
    ref = target.mask.ref if isinstance(target, FoundMask) else None
    secrets = context.ports.reply_secrets
    return sender_blocks.find_is_blocked(target.owner, ref, senders_of(mail), secrets)


def _forward(
    context: Context,
    inbound: Inbound,
    found: FoundMask,
    decision: forward.Forward,
    claimed: Claim,
    key: str,
) -> Result | forward.Hold:
    organizers = Organizers(context, inbound.facts(), found.mask.address)
    thread = thread_of(inbound.facts())
    plan = replace(_plan(context, inbound, found, thread), organizers=organizers)
    rewritten = rewrite_forward(inbound.raw(), plan)
    if over := reserve(context, decision, found, key, len(rewritten.raw), claimed):
        return over
    outcome = Forwarded(decision.reason)
    outgoing = _outgoing(context, inbound, found, rewritten)
    removed = sum(rewritten.trackers_removed.values())
    ses_id = _send(context, claimed, outgoing)
    charted.sized("received", len(inbound.raw()))
    charted.sized("sent", len(outgoing.raw))
    if is_canary(context.ports.policy, found.mask.address):
        context.ports.canary.note_forwarded(is_back=context.ports.policy.send_event_wait is None)
    sender = reputation.sender_of(context, inbound.facts())
    sent = Sent(ses_id, len(outgoing.raw), trackers_removed=removed, sender=sender)

    def record() -> None:
        if stand_ins := organizers.records():
            records.record_stand_ins(found.mask.ref, stand_ins, context.now)
        reply = seal(thread, sent.message_id, context.ports.reply_secret) if thread else None
        records.record_forwarded(claimed, outcome, found, sent, key, reply, context.now)
        if removed and found.owner.allows_metrics:
            events.trackers_removed(removed)

    return Result(outcome, found.mask.ref, record, sent_as=sent.message_id)


def _send(context: Context, claimed: Claim, outgoing: Outgoing) -> str:
    """Send the mail. If SES refuses it, no retry and no operator can change that."""
    try:
        return send(context, claimed, outgoing)
    except Refused as error:
        if error.reason != RefuseReason.SEND_REJECTED:
            raise
        raise Unsendable(UnsendableReason.REJECTED, error.code) from error


def _outgoing(
    context: Context, inbound: Inbound, found: FoundMask, rewritten: Rewritten
) -> Outgoing:
    recipient = found.owner.address
    if _is_developers(context, found):
        recipient = simulated_recipient(found.mask) or recipient
        events.developer_mode(context.sns_message_id, found.mask.ref, inbound.facts(), rewritten)
    return Outgoing(
        raw=rewritten.raw,
        sender=found.mask.address,
        recipient=recipient,
        tags=_tags(context, found),
    )


def _tags(context: Context, found: FoundMask) -> tuple[tuple[str, str], ...]:
    tags = found.mask.tags(SentKind.FORWARD)
    is_ours = is_canary(context.ports.policy, found.mask.address)
    return (*tags, ("canary", "1")) if is_ours else tags


def _is_developers(context: Context, found: FoundMask) -> bool:
    return asks_for_developer_mode(found.mask) and lookups.find_is_developer(found.owner)


def _plan(
    context: Context, inbound: Inbound, found: FoundMask, thread: Thread | None
) -> ForwardPlan:
    ports, note = context.ports, plan_note(inbound.facts(), found)
    return ForwardPlan(
        mask=found.mask.address,
        recipient=found.owner.address,
        reply_to=ports.policy.replies_address,
        make_note=partial(ports.make_note, note, context.now),
        has_note_on_top=note.is_on_top,
        now=context.now,
        trackers=ports.trackers if found.owner.removes_trackers else frozenset(),
        warning_url=ports.policy.warning_url,
        marks=loops.marks_through(context, inbound.facts(), found.mask.address),
        correspondent=thread.correspondent if thread else "",
        authentication=authentication_results(inbound.facts(), ports.policy.mask_domains[0]),
        make_unsubscribe_url=partial(ports.make_block_url, note, context.now),
    )
