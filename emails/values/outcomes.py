"""How handling a mail, a bounce or a complaint can end: a closed union, each case with its reasons.

Every reason is defined here, once. `docs/outcomes.md` says who sees it; a test keeps the two in
step. Names and reasons appear in logs, metrics, dead letters and the `Delivery` table: operators
depend on them.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class ForwardReason(StrEnum):
    """Why a mail was forwarded."""

    EXISTING_MASK = "existing_mask"
    NEW_MASK = "new_mask"
    SAID_SENT = "said_sent"


class ReplyReason(StrEnum):
    """Why a reply was sent to the correspondent."""

    PREMIUM = "premium"
    FIRST_REPLY = "first_reply"


class BlockReason(StrEnum):
    """Which of the owner's settings blocked the mail."""

    BLOCKS_ALL = "blocks_all"
    BLOCKS_PROMOTIONS = "blocks_promotions"
    BLOCKS_SENDER = "blocks_sender"


class NoMaskReason(StrEnum):
    """Why a recipient isn't a mask and doesn't become one."""

    UNKNOWN = "unknown"
    DELETED = "deleted"
    NAME_NOT_ALLOWED = "name_not_allowed"
    NEEDS_PREMIUM = "needs_premium"


class IgnoreReason(StrEnum):
    """Why a mail is ignored."""

    NOREPLY = "noreply"
    NOT_OURS = "not_ours"


class DropReason(StrEnum):
    """Why a mail or a reply was not sent on."""

    VIRUS = "virus"
    ABUSE_PAUSE = "abuse_pause"
    DEACTIVATED = "deactivated"
    LOOP = "loop"
    AUTOMATIC_REPLY = "automatic_reply"
    UNKNOWN_THREAD = "unknown_thread"
    AMBIGUOUS_SENDER = "ambiguous_sender"
    NOT_THE_OWNER = "not_the_owner"
    UNAUTHENTICATED = "unauthenticated"
    REPLIES_NEED_PREMIUM = "replies_need_premium"
    REPLY_LIMIT = "reply_limit"
    DISCARDED = "discarded"


class HeldReason(StrEnum):
    """Why a mail is held: kept for its owner, who may still get it."""

    SPAM = "spam"
    DMARC_REJECT = "dmarc_reject"
    DMARC_QUARANTINE = "dmarc_quarantine"
    MAILBOX = "mailbox"
    MASK_LIMIT = "mask_limit"
    SENDER_LIMIT = "sender_limit"
    NEW_MASK_LIMIT = "new_mask_limit"
    CANNOT_BE_SENT = "cannot_be_sent"
    SUSPECTED_LOOP = "suspected_loop"
    FROZEN = "frozen"
    MASK_NOT_LOOKED_UP = "mask_not_looked_up"
    REPUTATION = "reputation"


class RecordReason(StrEnum):
    """What a bounce, a complaint or a notice resulted in."""

    HARD_BOUNCE = "hard_bounce"
    SOFT_BOUNCE = "soft_bounce"
    BOUNCED_AS_SPAM = "bounced_as_spam"
    BOUNCE_NOT_ABOUT_MAILBOX = "bounce_not_about_mailbox"
    BOUNCE_OF_FORMER_ADDRESS = "bounce_of_former_address"
    BOUNCE_NOT_FINAL = "bounce_not_final"
    AUTOMATIC_ANSWER = "automatic_answer"
    REPLY_BOUNCED = "reply_bounced"
    SPAM_BLOCKING_ON = "spam_blocking_on"
    MASK_DISABLED = "mask_disabled"
    MASK_ALREADY_DISABLED = "mask_already_disabled"
    COMPLAINT_WITHOUT_MASK = "complaint_without_mask"
    COMPLAINT_NOT_ABOUT_SPAM = "complaint_not_about_spam"
    REPLY_COMPLAINT = "reply_complaint"
    NOTICE_COMPLAINT = "notice_complaint"
    UNKNOWN_RECIPIENT = "unknown_recipient"
    NO_RECIPIENT = "no_recipient"
    NOTICE_SENT = "notice_sent"
    NOTICE_TO_NOBODY = "notice_to_nobody"
    NOTICE_MAILBOX_BOUNCES = "notice_mailbox_bounces"
    NOTICE_LIMIT = "notice_limit"
    DIGEST_SENT = "digest_sent"
    DIGEST_NOT_NEEDED = "digest_not_needed"


class RefuseReason(StrEnum):
    """Why a message can never succeed: the reasons of `errors.Refused`."""

    NOT_AUTHENTIC = "not_authentic"
    MALFORMED_NOTIFICATION = "malformed_notification"
    FOREIGN_BUCKET = "foreign_bucket"
    MAIL_MISSING = "mail_missing"
    MAIL_TOO_LARGE = "mail_too_large"
    MAIL_ENCRYPTED = "mail_encrypted"
    NOT_A_MAIL = "not_a_mail"
    MAIL_STORE_REJECTED = "mail_store_rejected"
    SEND_REJECTED = "send_rejected"
    SEND_IN_DOUBT = "send_in_doubt"
    SENT_NOT_RECORDED = "sent_not_recorded"
    SEALED_REPLY = "sealed_reply"
    REPLY_TOO_LARGE = "reply_too_large"
    UNUSABLE_ADDRESS = "unusable_address"


class RetryReason(StrEnum):
    """Why a message may succeed later: the reasons of `errors.NotFinished`."""

    CERTIFICATE_UNAVAILABLE = "certificate_unavailable"
    CLAIMED_ELSEWHERE = "claimed_elsewhere"
    DATABASE_BUSY = "database_busy"
    DATABASE_UNAVAILABLE = "database_unavailable"
    DATABASE_UNMIGRATED = "database_unmigrated"
    FROZEN = "frozen"
    MAIL_STORE_UNAVAILABLE = "mail_store_unavailable"
    MAIL_STORE_THROTTLED = "mail_store_throttled"
    LARGE_MAIL = "large_mail"
    MEMORY_FULL = "memory_full"
    OTHERS_FIRST = "others_first"
    PORTION_DONE = "portion_done"
    REPLY_LEFT = "reply_left"
    SEND_UNCONFIRMED = "send_unconfirmed"
    SENDER_UNAVAILABLE = "sender_unavailable"
    SENDER_THROTTLED = "sender_throttled"
    SENDING_PAUSED = "sending_paused"
    SOURCE_UNAVAILABLE = "source_unavailable"
    WAITS_FOR_TURN = "waits_for_turn"


WORK_NOT_RUN = frozenset(
    {
        RetryReason.CERTIFICATE_UNAVAILABLE,
        RetryReason.CLAIMED_ELSEWHERE,
        RetryReason.DATABASE_BUSY,
        RetryReason.DATABASE_UNAVAILABLE,
        RetryReason.DATABASE_UNMIGRATED,
        RetryReason.FROZEN,
        RetryReason.LARGE_MAIL,
        RetryReason.MEMORY_FULL,
        RetryReason.OTHERS_FIRST,
        RetryReason.SEND_UNCONFIRMED,
    }
)
"""Of an attempt that failed so, nobody knows whether the work itself would kill its worker."""


@dataclass(frozen=True, slots=True)
class Forwarded:
    """The mail went to the mask's owner."""

    reason: ForwardReason


@dataclass(frozen=True, slots=True)
class Replied:
    """The owner's reply went to the correspondent."""

    reason: ReplyReason


@dataclass(frozen=True, slots=True)
class Blocked:
    """The owner blocks this mail."""

    reason: BlockReason


@dataclass(frozen=True, slots=True)
class NoMask:
    """There is no such mask."""

    reason: NoMaskReason


@dataclass(frozen=True, slots=True)
class Ignored:
    """Nobody reads mail to this address."""

    reason: IgnoreReason


@dataclass(frozen=True, slots=True)
class Dropped:
    """The service does not send this mail on."""

    reason: DropReason


@dataclass(frozen=True, slots=True)
class Held:
    """The mail is kept in S3, until it is released or expires."""

    reason: HeldReason


@dataclass(frozen=True, slots=True)
class Expired:
    """Nobody released the held mail in time. `reason` is why it was held."""

    reason: HeldReason


@dataclass(frozen=True, slots=True)
class Recorded:
    """A bounce or complaint was recorded, or a notice was sent."""

    reason: RecordReason


Outcome: TypeAlias = (
    Forwarded | Replied | Blocked | NoMask | Ignored | Dropped | Held | Expired | Recorded
)

_REASONS = {
    Forwarded: ForwardReason,
    Replied: ReplyReason,
    Blocked: BlockReason,
    NoMask: NoMaskReason,
    Ignored: IgnoreReason,
    Dropped: DropReason,
    Held: HeldReason,
    Expired: HeldReason,
    Recorded: RecordReason,
}
_BY_NAME = {kind.__name__.lower(): kind for kind in _REASONS}

# Of mails that releases before this one dropped. Deliveries are kept for fifteen days.
_RETIRED = frozenset(
    {
        ("dropped", "spam"),
        ("dropped", "dmarc_reject"),
        ("dropped", "hard_bounce_pause"),
        ("dropped", "soft_bounce_pause"),
        ("nomask", "too_many_masks"),
    }
)

NAMES = tuple(_BY_NAME)
"""The outcomes' names, as stored and logged."""

REASONS_BY_NAME = {name: tuple(_REASONS[kind]) for name, kind in _BY_NAME.items()}
"""The reasons of each."""


def name_of(outcome: Outcome) -> str:
    """Return the outcome's name: `forwarded`, `nomask`, …"""
    return type(outcome).__name__.lower()


def from_stored(name: str, reason: str) -> Outcome:
    """Rebuild a stored outcome. Raises `KeyError` or `ValueError` for an unknown name or reason."""
    if (name, reason) in _RETIRED:
        return Dropped(DropReason.DISCARDED)
    kind = _BY_NAME[name]
    outcome: Outcome = kind(_REASONS[kind](reason))
    return outcome
