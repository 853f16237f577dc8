"""Decides what happens to a mail sent to the replies address. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias, assert_never

from emails.rules.addresses import parse
from emails.rules.forward import is_flagged
from emails.rules.mail_kind import is_automatic, is_ours
from emails.rules.senders import is_authenticated, sender_of
from emails.values.facts import MailFacts, Policy, ReplyFacts, Verdict
from emails.values.outcomes import Dropped, DropReason, ReplyReason


@dataclass(frozen=True, slots=True)
class SendReply:
    """Send the mail to the correspondent of this thread, from the mask."""

    thread: ReplyFacts
    reason: ReplyReason


Decision: TypeAlias = SendReply | Dropped


def decide(
    mail: MailFacts,
    thread: ReplyFacts | None,
    policy: Policy,
    now: datetime,
    *,
    is_calendar_answer: bool = False,
    is_reserved: bool = False,
) -> Decision:
    """Decide by the first rule that applies. `thread` was looked up by the ids the reply quotes.

    `is_calendar_answer`: a machine wrote it, since the owner answered an invitation.
    `is_reserved`: an earlier attempt has reserved its place in the owner's limits: it keeps that.
    """
    if drop := _mail_problem(mail, is_calendar_answer=is_calendar_answer):
        return Dropped(drop)
    if thread is None:
        return Dropped(DropReason.UNKNOWN_THREAD)
    if drop := _sender_problem(mail, thread) or _owner_problem(
        thread, policy, now, is_reserved=is_reserved
    ):
        return Dropped(drop)
    if thread.owner.is_premium:
        return SendReply(thread, ReplyReason.PREMIUM)
    if is_reserved or not thread.owner.has_replied:
        return SendReply(thread, ReplyReason.FIRST_REPLY)
    return Dropped(DropReason.REPLIES_NEED_PREMIUM)


def _mail_problem(mail: MailFacts, *, is_calendar_answer: bool) -> DropReason | None:
    """Check the mail by itself. An automatic reply would only reveal that the mask is in use."""
    if mail.verdicts.virus is Verdict.FAIL:
        return DropReason.VIRUS
    if is_ours(mail):
        return DropReason.LOOP
    if is_automatic(mail) and not is_calendar_answer:
        return DropReason.AUTOMATIC_REPLY
    return None


def _sender_problem(mail: MailFacts, thread: ReplyFacts) -> DropReason | None:
    sender, owner = sender_of(mail), parse(thread.owner.address)
    if sender is None:
        return DropReason.AMBIGUOUS_SENDER
    if owner is None or sender.untagged != owner.untagged:
        return DropReason.NOT_THE_OWNER
    if not is_authenticated(mail, sender):
        return DropReason.UNAUTHENTICATED
    return None


def why_over(reason: ReplyReason) -> DropReason:
    """Return why a reply is not sent whose place could not be reserved."""
    match reason:
        case ReplyReason.PREMIUM:
            return DropReason.REPLY_LIMIT
        case ReplyReason.FIRST_REPLY:
            return DropReason.REPLIES_NEED_PREMIUM
        case _:
            assert_never(reason)


def _owner_problem(
    thread: ReplyFacts, policy: Policy, now: datetime, *, is_reserved: bool
) -> DropReason | None:
    if not is_reserved and is_flagged(thread.owner, policy, now):
        return DropReason.ABUSE_PAUSE
    return None if thread.owner.is_active else DropReason.DEACTIVATED
