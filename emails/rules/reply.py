"""A mail to the replies address in, what shall happen out. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from emails.rules.addresses import parse
from emails.rules.forward import is_flagged
from emails.rules.mail_kind import is_automatic, is_loop
from emails.rules.senders import is_authenticated, sender_of
from emails.values.facts import MailFacts, Policy, ReplyFacts, Verdict
from emails.values.outcomes import Dropped, DropReason, ReplyReason


@dataclass(frozen=True, slots=True)
class SendReply:
    """Send the mail to the correspondent of this thread, from the mask."""

    thread: ReplyFacts
    reason: ReplyReason


Decision: TypeAlias = SendReply | Dropped


def decide(mail: MailFacts, thread: ReplyFacts | None, policy: Policy, now: datetime) -> Decision:
    """Judge the reply; the first rule that holds decides. `thread` is what its ids led to."""
    if drop := _why_never(mail):
        return Dropped(drop)
    if thread is None:
        return Dropped(DropReason.UNKNOWN_THREAD)
    if drop := _why_not_theirs(mail, thread) or _why_not_now(thread, policy, now):
        return Dropped(drop)
    if thread.owner.is_premium:
        return SendReply(thread, ReplyReason.PREMIUM)
    if not thread.owner.has_replied:
        return SendReply(thread, ReplyReason.FIRST_REPLY)
    return Dropped(DropReason.REPLIES_NEED_PREMIUM)


def _why_never(mail: MailFacts) -> DropReason | None:
    """Judge the mail alone. What machines answer would only tell that the mask is somebody's."""
    if mail.verdicts.virus is Verdict.FAIL:
        return DropReason.VIRUS
    if is_loop(mail):
        return DropReason.LOOP
    if is_automatic(mail):
        return DropReason.AUTOMATIC_REPLY
    return None


def _why_not_theirs(mail: MailFacts, thread: ReplyFacts) -> DropReason | None:
    sender, owner = sender_of(mail), parse(thread.owner.address)
    if sender is None:
        return DropReason.AMBIGUOUS_SENDER
    if owner is None or sender.untagged != owner.untagged:
        return DropReason.NOT_THE_OWNER
    if not is_authenticated(mail, sender):
        return DropReason.UNAUTHENTICATED
    return None


def _why_not_now(thread: ReplyFacts, policy: Policy, now: datetime) -> DropReason | None:
    if is_flagged(thread.owner, policy, now):
        return DropReason.ABUSE_PAUSE
    return None if thread.owner.is_active else DropReason.DEACTIVATED
