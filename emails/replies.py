"""A mail to the replies address: load → decide → carry out, and the notice that may follow."""

from functools import partial

from emails.deliver import Done, Job, once, send, settled
from emails.facts import ReplyFacts, SentKind
from emails.inbound import Inbound
from emails.mime import ReplyPlan
from emails.mime.reply import rewrite_reply
from emails.mime.reply_keys import quoted_ids
from emails.notices import Addressee, send_notice
from emails.once import Claim, Outgoing, Sent
from emails.outcomes import Outcome, Replied
from emails.rules import reply
from emails.rules.addresses import RepliesRecipient, parse
from emails.rules.notices import notice_after
from emails.rules.senders import sender_of

_PURPOSE = "reply"


def settle(job: Job, inbound: Inbound, recipient: RepliesRecipient) -> Outcome:
    """Carry the reply out, then tell the owner what there is to tell."""
    work = partial(_reply, job, inbound)
    outcome = once(job, _PURPOSE, str(recipient.address), work)
    if notice := notice_after(outcome):
        send_notice(job, notice, str(recipient.address), partial(_find_addressee, job, inbound))
    return outcome


def _find_addressee(job: Job, inbound: Inbound) -> Addressee | None:
    thread = _find_thread(job, inbound)
    return Addressee(thread.owner, thread.mask) if thread else None


def _find_thread(job: Job, inbound: Inbound) -> ReplyFacts | None:
    mail = inbound.facts()
    ids = quoted_ids(mail.values("in-reply-to"), mail.values("references"))
    return job.edges.store.find_reply(ids) if ids else None


def _reply(job: Job, inbound: Inbound, claimed: Claim) -> Done:
    thread = _find_thread(job, inbound)
    decision = reply.decide(inbound.facts(), thread, job.edges.policy, job.now)
    if not isinstance(decision, reply.SendReply):
        # Somebody else's mask is not charged with what a stranger wrote: it counts nowhere.
        return settled(job, claimed, decision)
    return _send(job, inbound, decision, claimed)


def _send(job: Job, inbound: Inbound, decision: reply.SendReply, claimed: Claim) -> Done:
    thread = decision.thread
    rewritten = rewrite_reply(inbound.raw(), _plan(job, inbound, thread))
    outgoing = Outgoing(
        raw=rewritten.raw,
        sender=thread.mask.address,
        recipient=thread.correspondent,
        tags=thread.mask.tags(SentKind.REPLY),
    )
    sent = Sent(message_id=send(job, claimed, outgoing), size=len(outgoing.raw))
    outcome, store = Replied(decision.reason), job.edges.store
    return Done(
        outcome,
        thread.mask.ref,
        lambda: store.record_replied(claimed, outcome, thread, sent, job.now),
        was_sent=True,
    )


def _plan(job: Job, inbound: Inbound, thread: ReplyFacts) -> ReplyPlan:
    """Plan the rewriting; the owner's address may stand there with or without a tag."""
    addresses = (parse(thread.owner.address), sender_of(inbound.facts()))
    spellings = [str(one) for each in addresses if each for one in (each, each.untagged)]
    return ReplyPlan(
        mask=thread.mask.address,
        correspondent=thread.correspondent,
        owner_addresses=(thread.owner.address, *dict.fromkeys(spellings)),
        message_id_in_thread=f"<{thread.message_id}>" if thread.message_id else None,
        references=tuple(f"<{one}>" for one in thread.references),
        now=job.now,
    )
