"""A mail to the replies address: load → decide → carry out, and the notice that may follow."""

from functools import partial

from emails.flow.context import Context
from emails.flow.deliver import Done, send, settle_once, settled
from emails.flow.inbound import Inbound
from emails.flow.notices import Addressee, send_notice
from emails.mime.plans import ReplyPlan
from emails.mime.rewrite_reply import rewrite_reply
from emails.rules import reply
from emails.rules.addresses import RepliesRecipient, parse
from emails.rules.notice_kinds import notice_after
from emails.rules.senders import sender_of
from emails.store import lookups, records
from emails.values.deliveries import Claim, Outgoing
from emails.values.facts import ReplyFacts, SentKind
from emails.values.outcomes import Outcome, Replied
from emails.values.threads import quoted_ids

_PURPOSE = "reply"


def settle(context: Context, inbound: Inbound, recipient: RepliesRecipient) -> Outcome:
    """Carry the reply out, then tell the owner what there is to tell."""
    work = partial(_reply, context, inbound)
    outcome = settle_once(context, _PURPOSE, str(recipient.address), work)
    if notice := notice_after(outcome):
        send_notice(
            context, notice, str(recipient.address), partial(_find_addressee, context, inbound)
        )
    return outcome


def _find_addressee(context: Context, inbound: Inbound) -> Addressee | None:
    thread = _find_thread(context, inbound)
    return Addressee(thread.owner, thread.mask) if thread else None


def _find_thread(context: Context, inbound: Inbound) -> ReplyFacts | None:
    mail = inbound.facts()
    ids = quoted_ids(mail.values("in-reply-to"), mail.values("references"))
    return lookups.find_reply(ids, context.ports.reply_secret) if ids else None


def _reply(context: Context, inbound: Inbound, claimed: Claim) -> Done:
    thread = _find_thread(context, inbound)
    decision = reply.decide(inbound.facts(), thread, context.ports.policy, context.now)
    if not isinstance(decision, reply.SendReply):
        # Somebody else's mask is not charged with what a stranger wrote: it counts nowhere.
        return settled(context, claimed, decision)
    return _send(context, inbound, decision, claimed)


def _send(context: Context, inbound: Inbound, decision: reply.SendReply, claimed: Claim) -> Done:
    thread = decision.thread
    rewritten = rewrite_reply(inbound.raw(), _plan(context, inbound, thread))
    outgoing = Outgoing(
        raw=rewritten.raw,
        sender=thread.mask.address,
        recipient=thread.correspondent,
        tags=thread.mask.tags(SentKind.REPLY),
    )
    send(context, claimed, outgoing)
    outcome = Replied(decision.reason)
    return Done(
        outcome,
        thread.mask.ref,
        lambda: records.record_replied(claimed, outcome, thread, context.ports.policy, context.now),
        was_sent=True,
    )


def _plan(context: Context, inbound: Inbound, thread: ReplyFacts) -> ReplyPlan:
    """Plan the rewriting; the owner's address may stand there with or without a tag."""
    addresses = (parse(thread.owner.address), sender_of(inbound.facts()))
    spellings = [str(one) for each in addresses if each for one in (each, each.untagged)]
    return ReplyPlan(
        mask=thread.mask.address,
        correspondent=thread.correspondent,
        owner_addresses=(thread.owner.address, *dict.fromkeys(spellings)),
        message_id_in_thread=f"<{thread.message_id}>" if thread.message_id else None,
        references=tuple(f"<{one}>" for one in thread.references),
        now=context.now,
    )
