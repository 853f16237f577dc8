"""A mail to the replies address: load → decide → carry out, then perhaps a notice."""

from functools import partial

from emails.edges import events
from emails.flow import freezing, reply_notices
from emails.flow.answers import Answer, find_thread
from emails.flow.context import Context
from emails.flow.deliver import MAY_BE_SENT, Result, outcome_only, run_once, send
from emails.flow.inbound import Inbound
from emails.flow.settled import REPLY
from emails.mime.issues import Issue
from emails.mime.plans import ReplyPlan
from emails.mime.rewrite_reply import rewrite_reply
from emails.rules import reply
from emails.rules.addresses import RepliesRecipient, parse
from emails.rules.senders import sender_of
from emails.rules.stand_ins import stand_in
from emails.store import records, reservations
from emails.values.deliveries import Claim, Outgoing
from emails.values.errors import Refused, ReplyLeft
from emails.values.facts import ReplyFacts, SentKind
from emails.values.outcomes import Dropped, DropReason, Outcome, RefuseReason, Replied, ReplyReason
from emails.values.ses_limits import MAX_MAIL_BYTES

_UNKNOWN = Dropped(DropReason.UNKNOWN_THREAD)


def settle(context: Context, inbound: Inbound, recipient: RepliesRecipient) -> Outcome:
    """Handle the reply, then send the owner the notice that this calls for, if any."""
    answer, changes = Answer(inbound, recipient.token), reply_notices.Changes()
    work = partial(_reply, context, answer, changes)
    try:
        outcome = run_once(context, REPLY, recipient.tagged, work)
    except Refused as error:
        reply_notices.tell_if_refused(context, answer, error)
        raise
    reply_notices.tell_if_due(context, answer, outcome)
    reply_notices.tell_of_changes(context, answer, changes)
    return outcome


def _reply(
    context: Context, answer: Answer, changes: reply_notices.Changes, claimed: Claim
) -> Result:
    thread = find_thread(context, answer)
    policy, now = context.ports.policy, context.now
    decision = reply.decide(
        answer.facts(),
        thread,
        policy,
        now,
        is_calendar_answer=answer.is_from_calendar(),
        is_reserved=claimed.is_reserved,
    )
    if isinstance(decision, reply.SendReply):
        freezing.require_unfrozen(context, decision.thread, claimed)
        if _has_place(context, decision, claimed):
            return _send(context, answer, decision, changes, claimed)
        decision = Dropped(reply.why_over(decision.reason))
    elif decision == _UNKNOWN and _may_leave(context, answer):
        raise ReplyLeft
    elif claimed.is_reserved and thread is not None:
        reservations.give_back_reply(claimed, thread.owner)
    # Counted for no mask: the writer may be a stranger.
    return outcome_only(context, claimed, decision)


def _may_leave(context: Context, answer: Answer) -> bool:
    """Return whether the reply may go back to a shared queue, for the other system to answer.

    Not if it has recipients besides: the other system would handle them once more.
    """
    return answer.inbound.has_one_recipient and context.ports.may_leave(context.sns_message_id)


def _has_place(context: Context, decision: reply.SendReply, claimed: Claim) -> bool:
    """Reserve the reply's place in its owner's limits. A premium owner past them is paused."""
    owner, reason = decision.thread.owner, decision.reason
    policy, now = context.ports.policy, context.now
    if reservations.reserve_reply(claimed, owner, reason, policy, now):
        return True
    if claimed.sent_as is not None:
        return True  # SES has it already, so it only remains to be recorded.
    if reason is ReplyReason.PREMIUM:
        replies = reservations.pause_for_abuse(owner, policy, now)
        if replies is not None:
            events.replies_paused(owner.id, replies)
    return False


def _send(
    context: Context,
    answer: Answer,
    decision: reply.SendReply,
    changes: reply_notices.Changes,
    claimed: Claim,
) -> Result:
    thread = decision.thread
    try:
        ses_id = _rewrite_and_send(context, answer, thread, changes, claimed)
    except Refused as error:
        if error.reason not in MAY_BE_SENT and claimed.sent_as is None:
            # Refused for good: what wasn't sent must not use up the limit.
            reservations.give_back_reply(claimed, thread.owner)
        raise
    outcome = Replied(decision.reason)
    return Result(
        outcome,
        thread.mask.ref,
        lambda: records.record_replied(claimed, outcome, thread, ses_id, context.now),
        sent_as=ses_id,
    )


def _rewrite_and_send(
    context: Context,
    answer: Answer,
    thread: ReplyFacts,
    changes: reply_notices.Changes,
    claimed: Claim,
) -> str:
    rewritten = rewrite_reply(answer.inbound.raw(), _plan(context, answer, thread))
    if len(rewritten.raw) > MAX_MAIL_BYTES:
        raise Refused(RefuseReason.REPLY_TOO_LARGE)
    outgoing = Outgoing(
        raw=rewritten.raw,
        sender=thread.mask.address,
        recipient=thread.correspondent,
        tags=(*thread.mask.tags(SentKind.REPLY), *reply_notices.tags_of(context, answer)),
    )
    ses_id = send(context, claimed, outgoing)
    changes.has_renamed = Issue.ATTACHMENT_RENAMED in rewritten.issues
    return ses_id


def _plan(context: Context, answer: Answer, thread: ReplyFacts) -> ReplyPlan:
    """Plan the rewriting. The owner's address may appear with or without its `+tag`."""
    addresses = (parse(thread.owner.address), sender_of(answer.facts()))
    spellings = [
        str(spelling)
        for address in addresses
        if address
        for spelling in (address, address.untagged)
    ]
    return ReplyPlan(
        mask=thread.mask.address,
        correspondent=thread.correspondent,
        owner_addresses=(thread.owner.address, *dict.fromkeys(spellings)),
        message_id_in_thread=f"<{thread.message_id}>" if thread.message_id else None,
        references=tuple(f"<{message_id}>" for message_id in thread.references),
        now=context.now,
        note_wordings=context.ports.note_wordings(thread.mask.address),
        stand_in=stand_in(answer.token, context.ports.policy.replies_address)
        if answer.token
        else "",
    )
