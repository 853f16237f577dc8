"""Tells owners of what bounces and complaints say: a mail did not arrive, or settings changed.

The bounce of a notice ends here: nobody is told of it.
"""

from collections.abc import Callable
from datetime import datetime

from emails.flow.attributing import attribute, named
from emails.flow.context import Context
from emails.flow.notices import Due, tell
from emails.flow.reply_notices import ID_TAG
from emails.rules import bounce_evidence
from emails.rules.addresses import only_address_in
from emails.rules.notice_kinds import Way, notice_after
from emails.store.sealed_ids import open_id
from emails.values.attribution import Attribution
from emails.values.facts import SentKind
from emails.values.mailboxes import BounceMeaning
from emails.values.notices import MailIds, Notice, NoticeKind, NoticeWhy
from emails.values.notifications import Bounce, BouncedRecipient, Complaint, SentMail
from emails.values.outcomes import Outcome, Recorded, RecordReason

_FORMER = Recorded(RecordReason.BOUNCE_OF_FORMER_ADDRESS)


def tell_of_bounce(
    context: Context, outcome: Outcome, bounce: Bounce, recipient: BouncedRecipient
) -> None:
    """Tell the owner of a bounce, if its outcome calls for that."""
    reported = named(recipient.address)

    def find_notice(kind: NoticeKind, about: Attribution) -> Notice | None:
        if about.kind is SentKind.NOTICE:
            return None
        meaning = bounce_evidence.judge(bounce.kind, bounce.subkind, recipient)
        return Notice(
            kind=kind,
            mask=_mask_in(about),
            why=_why(outcome, meaning),
            correspondent=_correspondent(about, recipient),
            about=_ids(context, about, bounce.mail),
        )

    _tell(context, outcome, bounce.at, bounce.mail, reported, find_notice)


def tell_of_complaint(context: Context, outcome: Outcome, complaint: Complaint) -> None:
    """Tell the owner what their complaint changed, if its outcome calls for that."""

    def find_notice(kind: NoticeKind, about: Attribution) -> Notice | None:
        ids = _ids(context, about, complaint.mail)
        return Notice(kind=kind, mask=_mask_in(about), about=ids)

    _tell(context, outcome, complaint.at, complaint.mail, complaint.recipients, find_notice)


def _tell(
    context: Context,
    outcome: Outcome,
    at: datetime | None,
    mail: SentMail,
    reported: tuple[str, ...],
    find_notice: Callable[[NoticeKind, Attribution], Notice | None],
) -> None:
    kind = notice_after(Way.FEEDBACK, outcome)
    if kind is None:
        return

    def find_due() -> Due | None:
        about = attribute(context, mail, reported)
        notice = find_notice(kind, about) if about.owner else None
        if about.owner is None or notice is None:
            return None
        return Due(notice, about.owner, about.mask.ref if about.mask else None)

    tell(context, min(at or context.now, context.now), find_due)


def _mask_in(about: Attribution) -> str:
    return about.mask.address if about.mask else ""


def _why(outcome: Outcome, meaning: BounceMeaning) -> NoticeWhy | None:
    if outcome == _FORMER:
        return NoticeWhy.FORMER_ADDRESS
    return NoticeWhy(meaning.value) if meaning.value in set(NoticeWhy) else None


def _correspondent(about: Attribution, recipient: BouncedRecipient) -> str:
    """Return who did not get the owner's reply."""
    address = only_address_in(recipient.address) if about.kind is SentKind.REPLY else None
    return str(address) if address else ""


def _ids(context: Context, about: Attribution, mail: SentMail) -> MailIds:
    """Return the Message-ID of what the owner has: their own reply, or the mail that we sent."""
    if about.kind is SentKind.REPLY:
        sealed = mail.tag(ID_TAG)
        return MailIds(open_id(sealed, context.ports.reply_secrets) if sealed else None)
    ses_id, domain = mail.message_id, context.ports.policy.ses_id_domain
    return MailIds(f"{ses_id}@{domain}" if ses_id else None)
