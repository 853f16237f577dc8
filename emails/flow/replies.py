"""A mail to the replies address: load → decide → carry out, then perhaps a notice."""

from functools import partial

from emails.edges import events
from emails.flow import reply_notices
from emails.flow.context import Context
from emails.flow.deliver import MAY_BE_SENT, Result, outcome_only, run_once, send
from emails.flow.inbound import Inbound
from emails.flow.reply_notices import find_thread
from emails.mime.issues import Issue
from emails.mime.plans import ReplyPlan
from emails.mime.rewrite_reply import rewrite_reply
from emails.rules import reply
from emails.rules.addresses import RepliesRecipient, parse
from emails.rules.senders import sender_of
from emails.store import records, reservations
from emails.values.deliveries import Claim, Outgoing
from emails.values.errors import Refused
from emails.values.facts import ReplyFacts, SentKind
from emails.values.outcomes import Dropped, Outcome, RefuseReason, Replied, ReplyReason
from emails.values.ses_limits import MAX_MAIL_BYTES

_PURPOSE = "reply"


def settle(context: Context, inbound: Inbound, recipient: RepliesRecipient) -> Outcome:
    """Handle the reply, then send the owner the notice that this calls for, if any."""
    changes = reply_notices.Changes()
    work = partial(_reply, context, inbound, changes)
    try:
        outcome = run_once(context, _PURPOSE, str(recipient.address), work)
    except Refused as error:
        reply_notices.tell_if_refused(context, inbound, error)
        raise
    reply_notices.tell_if_due(context, inbound, outcome)
    reply_notices.tell_of_changes(context, inbound, changes)
    return outcome


def _reply(
    context: Context, inbound: Inbound, changes: reply_notices.Changes, claimed: Claim
) -> Result:
    thread = find_thread(context, inbound)
    policy, now = context.ports.policy, context.now
    decision = reply.decide(inbound.facts(), thread, policy, now, is_reserved=claimed.is_reserved)
    if isinstance(decision, reply.SendReply):
        if _has_place(context, decision, claimed):
            return _send(context, inbound, decision, changes, claimed)
        decision = Dropped(reply.why_over(decision.reason))
    elif claimed.is_reserved and thread is not None:
        reservations.give_back_reply(claimed, thread.owner)
    # Counted for no mask: the writer may be a stranger.
    return outcome_only(context, claimed, decision)


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
    inbound: Inbound,
    decision: reply.SendReply,
    changes: reply_notices.Changes,
    claimed: Claim,
) -> Result:
    thread = decision.thread
    try:
        ses_id = _rewrite_and_send(context, inbound, thread, changes, claimed)
    except Refused as error:
        if error.reason not in MAY_BE_SENT and claimed.sent_as is None:
            # Refused for good: what wasn't sent must not use up the limit.
            reservations.give_back_reply(claimed, thread.owner)
        raise
    outcome = Replied(decision.reason)
    return Result(
        outcome,
        thread.mask.ref,
        lambda: records.record_replied(claimed, outcome, thread, context.now),
        sent_as=ses_id,
    )


def _rewrite_and_send(
    context: Context,
    inbound: Inbound,
    thread: ReplyFacts,
    changes: reply_notices.Changes,
    claimed: Claim,
) -> str:
    rewritten = rewrite_reply(inbound.raw(), _plan(context, inbound, thread))
    if len(rewritten.raw) > MAX_MAIL_BYTES:
        raise Refused(RefuseReason.REPLY_TOO_LARGE)
    outgoing = Outgoing(
        raw=rewritten.raw,
        sender=thread.mask.address,
        recipient=thread.correspondent,
        tags=(*thread.mask.tags(SentKind.REPLY), *reply_notices.tags_of(context, inbound)),
    )
    ses_id = send(context, claimed, outgoing)
    changes.has_renamed = Issue.ATTACHMENT_RENAMED in rewritten.issues
    return ses_id


def _plan(context: Context, inbound: Inbound, thread: ReplyFacts) -> ReplyPlan:
    """Plan the rewriting. The owner's address may appear with or without its `+tag`."""
    addresses = (parse(thread.owner.address), sender_of(inbound.facts()))
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
    )
