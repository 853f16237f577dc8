"""Tells owners of a mail to a mask that SES sends in no form: it is held. The digest has the rest.

Strangers send such mails, so there is a limit to these notices (`emails.rules.notice_slots`).
"""

from dataclasses import dataclass
from typing import assert_never

from emails.flow.context import Context
from emails.flow.inbound import Inbound
from emails.flow.notices import Due, tell
from emails.rules.addresses import MaskRecipient
from emails.rules.notice_kinds import Way, notice_after
from emails.rules.threads import ids_of
from emails.store import lookups
from emails.values.errors import UnsendableReason
from emails.values.facts import CreatableMask, FoundMask, MaskLookup, MaskRef, MissingMask
from emails.values.held import HeldMail
from emails.values.notices import MailIds, Notice, NoticeKind, NoticeWhy
from emails.values.outcomes import Outcome


@dataclass(slots=True)
class Trouble:
    """Why the mail can't be sent, once this attempt knows. An earlier one may have known.

    `may_be_sent`: nobody knows whether it was sent.
    """

    reason: UnsendableReason | None = None
    may_be_sent: bool = False


def tell_if_due(
    context: Context,
    inbound: Inbound,
    recipient: MaskRecipient,
    outcome: Outcome,
    trouble: Trouble,
) -> None:
    """Tell the owner what became of a mail to their mask, if its outcome calls for that."""
    kind = notice_after(Way.MAIL, outcome)
    if kind is None:
        return

    def find_due() -> Due | None:
        target = lookups.find_mask(recipient, context.now)
        return _due(kind, target, trouble.reason, ids_of(inbound.notified_facts()))

    tell(context, min(inbound.received_at or context.now, context.now), find_due)


def tell_of_release(context: Context, mail: HeldMail, trouble: Trouble) -> None:
    """Tell the owner that a held mail could not be sent when it was released. The lane goes on."""
    if trouble.may_be_sent:
        return

    def find_due() -> Due | None:
        found = lookups.find_mask_by_ref(mail.target) if isinstance(mail.target, MaskRef) else None
        return _due(NoticeKind.MAIL_UNSENDABLE, found, trouble.reason, MailIds()) if found else None

    tell(context, context.now, find_due, may_wait=False)


def _due(
    kind: NoticeKind, target: MaskLookup, reason: UnsendableReason | None, about: MailIds
) -> Due | None:
    why = NoticeWhy(reason.value) if reason else None
    match target:
        case FoundMask(mask, owner):
            return Due(Notice(kind, mask.address, why, about=about), owner, mask.ref)
        case CreatableMask(owner=owner):
            return Due(Notice(kind, target.address, why, about=about), owner)
        case MissingMask():
            return None
        case _:
            assert_never(target)
