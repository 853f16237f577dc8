"""Tells owners of replies that were not sent: of their own, and of those that may be theirs.

A reply belongs to the owner of the thread that it quotes, else of the address that it comes from.
Anybody can write that address, so the notice says no more than that, unless the mail is proven to
be the owner's.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from emails.flow.answers import Answer, find_thread
from emails.flow.context import Context
from emails.flow.notices import Due, tell
from emails.rules.addresses import parse
from emails.rules.mail_kind import is_automatic, is_ours
from emails.rules.notice_kinds import Way, as_proven, notice_after, notice_after_refused_reply
from emails.rules.senders import is_authenticated, sender_of
from emails.rules.threads import ids_of
from emails.store import lookups
from emails.store.sealed_ids import seal_id
from emails.values.errors import Refused
from emails.values.facts import MailFacts, OwnerFacts
from emails.values.notices import Notice, NoticeKind
from emails.values.outcomes import Outcome

ID_TAG = "about"
"""SES's tag for the Message-ID of the owner's reply, sealed."""


@dataclass(slots=True)
class Changes:
    """What this attempt changed in a reply before it was sent. Later attempts don't know."""

    has_renamed: bool = False


def tell_if_due(context: Context, answer: Answer, outcome: Outcome) -> None:
    """Tell the owner what became of a reply, if its outcome calls for that."""
    if kind := notice_after(Way.REPLY, outcome):
        tell(context, _since(context, answer), partial(_find_due, context, answer, kind))


def tell_of_changes(context: Context, answer: Answer, changes: Changes) -> None:
    """Tell the owner that an attachment of their reply was sent under another name."""
    if changes.has_renamed:
        find_due = partial(_find_due, context, answer, NoticeKind.REPLY_RENAMED)
        tell(context, _since(context, answer), find_due, may_wait=False)


def tell_if_refused(context: Context, answer: Answer, error: Refused) -> None:
    """Tell the owner of a reply that becomes a dead letter, if its reason calls for that."""
    if kind := notice_after_refused_reply(error.reason):
        tell(context, _since(context, answer), partial(_find_due, context, answer, kind))


def tags_of(context: Context, answer: Answer) -> tuple[tuple[str, str], ...]:
    """Return the tag by which the notice of a bounce is shown under the owner's reply."""
    message_id = ids_of(answer.facts()).message_id
    sealed = seal_id(message_id, context.ports.reply_secret) if message_id else None
    return ((ID_TAG, sealed),) if sealed else ()


def _since(context: Context, answer: Answer) -> datetime:
    return min(answer.inbound.received_at or context.now, context.now)


def _find_due(context: Context, answer: Answer, kind: NoticeKind) -> Due | None:
    mail = answer.facts()
    if is_ours(mail) or (is_automatic(mail) and not answer.is_from_calendar()):
        return None
    thread = find_thread(context, answer)
    owner = thread.owner if thread else _find_owner_by_sender(mail)
    if owner is None:
        return None
    notice = Notice(
        kind=as_proven(kind, is_proven=_is_by(mail, owner)),
        mask=thread.mask.address if thread else "",
        about=ids_of(mail),
    )
    return Due(notice, owner, thread.mask.ref if thread else None)


def _find_owner_by_sender(mail: MailFacts) -> OwnerFacts | None:
    sender = sender_of(mail)
    if sender is None:
        return None
    return lookups.find_owner(str(sender)) or lookups.find_owner(str(sender.untagged))


def _is_by(mail: MailFacts, owner: OwnerFacts) -> bool:
    """Return whether the owner provably wrote this."""
    sender, address = sender_of(mail), parse(owner.address)
    if sender is None or address is None or sender.untagged != address.untagged:
        return False
    return is_authenticated(mail, sender)
