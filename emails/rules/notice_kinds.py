"""Which outcomes the owner gets a notice about. Pure.

The notice depends on the outcome alone. So if an attempt fails between recording the outcome and
sending the notice, the next attempt still sends it.
"""

from enum import StrEnum

from emails.values.outcomes import (
    Dropped,
    DropReason,
    Outcome,
    Recorded,
    RecordReason,
    Replied,
    ReplyReason,
)


class NoticeKind(StrEnum):
    """The notices we send to owners. The values are also the names of their templates."""

    MASK_DISABLED = "mask_disabled"
    REPLIES_NEED_PREMIUM = "replies_need_premium"
    FIRST_REPLY = "first_reply"
    REPLIES_PAUSED = "replies_paused"


ONCE_A_DAY = frozenset({NoticeKind.REPLIES_PAUSED})
"""Notices that one a day tells all: who replies too often would get as many notices."""


_NOTICES: dict[Outcome, NoticeKind] = {
    Recorded(RecordReason.MASK_DISABLED): NoticeKind.MASK_DISABLED,
    Dropped(DropReason.REPLIES_NEED_PREMIUM): NoticeKind.REPLIES_NEED_PREMIUM,
    Dropped(DropReason.REPLY_LIMIT): NoticeKind.REPLIES_PAUSED,
    Dropped(DropReason.ABUSE_PAUSE): NoticeKind.REPLIES_PAUSED,
    Replied(ReplyReason.FIRST_REPLY): NoticeKind.FIRST_REPLY,
}


def notice_after(outcome: Outcome) -> NoticeKind | None:
    """Return the notice to send after this outcome, if any."""
    return _NOTICES.get(outcome)
