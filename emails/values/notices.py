"""Notices: the mails in which the service itself writes to an owner."""

from dataclasses import dataclass
from enum import StrEnum


class NoticeKind(StrEnum):
    """What a notice says. The values are the names in logs, in SES's tags and in previews."""

    MASK_DISABLED = "mask_disabled"
    REPLIES_NEED_PREMIUM = "replies_need_premium"
    FIRST_REPLY = "first_reply"
    REPLIES_PAUSED = "replies_paused"
    REPLY_BOUNCED = "reply_bounced"
    REPLY_UNKNOWN_THREAD = "reply_unknown_thread"
    REPLY_UNPROVEN = "reply_unproven"
    REPLY_NOT_THE_OWNER = "reply_not_the_owner"
    REPLY_AMBIGUOUS_SENDER = "reply_ambiguous_sender"
    REPLY_SEALED = "reply_sealed"
    REPLY_TOO_LARGE = "reply_too_large"
    REPLY_REFUSED = "reply_refused"
    REPLY_VIRUS = "reply_virus"
    REPLY_RENAMED = "reply_renamed"
    MAIL_UNSENDABLE = "mail_unsendable"
    MAIL_REFUSED = "mail_refused"
    MAIL_REFUSED_AS_SPAM = "mail_refused_as_spam"
    SPAM_BLOCKING_ON = "spam_blocking_on"
    MAILBOX_BACK = "mailbox_back"


class NoticeWhy(StrEnum):
    """Why a mail did not arrive or was not sent, where one kind of notice has several reasons.

    The values are those of `BounceMeaning` and `UnsendableReason`, and one more.
    """

    GONE = "gone"
    UNREACHABLE = "unreachable"
    MAIL_REFUSED = "mail_refused"
    REFUSED_AS_SPAM = "refused_as_spam"
    TOO_LARGE = "too_large"
    SIGNED_NAME = "signed_name"
    REJECTED = "rejected"
    FORMER_ADDRESS = "former_address"


@dataclass(frozen=True, slots=True)
class MailIds:
    """The Message-ID of the mail that a notice is about, and those that it quotes; no brackets.

    With them, mail programs show the notice under that mail.
    """

    message_id: str | None = None
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Notice:
    """What to tell an owner.

    `mask` and `correspondent` are addresses, empty if the notice is about none.
    """

    kind: NoticeKind
    mask: str = ""
    why: NoticeWhy | None = None
    correspondent: str = ""
    about: MailIds = MailIds()
