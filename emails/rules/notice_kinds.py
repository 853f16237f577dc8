"""Which outcomes their owner is told of. Pure.

It follows from the outcome alone: so an attempt that failed after the outcome was recorded, and
before the notice was sent, still sends it the next time.
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
    """The notices that owners get from us; also the names of their templates."""

    MASK_DISABLED = "mask_disabled"
    REPLIES_NEED_PREMIUM = "replies_need_premium"
    FIRST_REPLY = "first_reply"


_NOTICES: dict[Outcome, NoticeKind] = {
    Recorded(RecordReason.MASK_DISABLED): NoticeKind.MASK_DISABLED,
    Dropped(DropReason.REPLIES_NEED_PREMIUM): NoticeKind.REPLIES_NEED_PREMIUM,
    Replied(ReplyReason.FIRST_REPLY): NoticeKind.FIRST_REPLY,
}


def notice_after(outcome: Outcome) -> NoticeKind | None:
    """Name the notice that the outcome calls for, if any."""
    return _NOTICES.get(outcome)
