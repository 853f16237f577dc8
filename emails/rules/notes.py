"""Decides what our note on a forwarded mail says, and where it stands. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from emails.rules.sender_blocks import Sender, sender_to_block
from emails.rules.warnings import MailWarning, warnings_about
from emails.values.facts import FoundMask, MailFacts, MaskFacts, NotePlace, OwnerFacts


class Replies(StrEnum):
    """What becomes of the owner's reply."""

    SENT = "sent"
    ONE_IS_FREE = "one_is_free"
    NEED_PREMIUM = "need_premium"


@dataclass(frozen=True, slots=True)
class NotePlan:
    """What the note says. `sender` is whom its link blocks; None: there is no one sender.

    `says_all` is false for an owner who wants no note: then it says only what nobody may miss.
    """

    mask: MaskFacts
    owner: OwnerFacts
    is_on_top: bool
    says_all: bool
    replies: Replies
    warnings: tuple[MailWarning, ...] = ()
    sender: Sender | None = None


def plan_note(mail: MailFacts, found: FoundMask) -> NotePlan:
    """Plan the note of a mail forwarded for this mask.

    A warning stands on top, whatever the owner chose: at the bottom, it comes too late.
    """
    owner, warnings = found.owner, warnings_about(mail)
    return NotePlan(
        mask=found.mask,
        owner=owner,
        is_on_top=bool(warnings) or owner.note_place is NotePlace.TOP,
        says_all=owner.note_place is not NotePlace.NONE,
        replies=_replies(owner),
        warnings=warnings,
        sender=sender_to_block(mail),
    )


def _replies(owner: OwnerFacts) -> Replies:
    if owner.is_premium:
        return Replies.SENT
    return Replies.NEED_PREMIUM if owner.has_replied else Replies.ONE_IS_FREE
