"""Which outcomes the owner is told of, and how; and why not of the others. Pure.

The notice depends on the outcome alone. So if an attempt fails between recording the outcome and
sending the notice, the next attempt still sends it.

Every outcome has an entry for each way on which it can come about. `docs/outcomes.md` shows them,
and a test keeps it in step.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from emails.values.notices import NoticeKind
from emails.values.outcomes import (
    Blocked,
    BlockReason,
    Dropped,
    DropReason,
    Expired,
    Forwarded,
    ForwardReason,
    Held,
    HeldReason,
    Ignored,
    IgnoreReason,
    NoMask,
    NoMaskReason,
    Outcome,
    Recorded,
    RecordReason,
    RefuseReason,
    Replied,
    ReplyReason,
)


class Way(StrEnum):
    """What a notification was about."""

    MAIL = "mail to a mask"
    REPLY = "reply"
    FEEDBACK = "bounce or complaint"
    NOTICE = "notice or digest"


class Silence(StrEnum):
    """Why the owner gets no notice."""

    MAIL_ARRIVES = "the mail arrives; its note says what was changed"
    SENT = "it was sent; notice `reply_renamed` if an attachment got another name"
    OWNERS_WISH = "the owner wants it so"
    NOBODYS = "no owner has this address"
    STRANGERS_NAME = "any stranger could think of such names, and have us write to the owner"
    UNREAD = "nobody reads this address"
    DANGEROUS = "nobody is to look for a virus"
    NOT_ACTIVE = "we send nothing to an account that is not active"
    GOES_ROUND = "the notice would go round, too"
    MACHINES = "a machine wrote it"
    DIGEST_SAID = "the digest said so in advance"
    WOULD_BOUNCE = "it would bounce, too; notice `mailbox_back` when the mailbox takes mail again"
    NOTHING_LOST = "nothing was lost or changed"
    TOLD_BEFORE = "the owner was told when the mask was disabled"
    NOBODY_KNOWN = "nobody knows whom"
    IS_NOTICE = "it is the notice or the digest itself"
    ENOUGH = "the owner had ten notices that day of what strangers bring about"
    CORRECTED = "an operator corrects it and requeues the mail"
    NOBODY_SENT = "nobody sent it"
    PERHAPS_SENT = "perhaps it was sent; SES's event or an operator settles that"


@dataclass(frozen=True, slots=True)
class Tell:
    """Send this notice at once."""

    kind: NoticeKind


@dataclass(frozen=True, slots=True)
class InDigest:
    """The next digest of held mails says so."""


Telling: TypeAlias = Tell | InDigest | Silence

REFUSED_REPLIES: Mapping[RefuseReason, Telling] = {
    RefuseReason.SEALED_REPLY: Tell(NoticeKind.REPLY_SEALED),
    RefuseReason.REPLY_TOO_LARGE: Tell(NoticeKind.REPLY_TOO_LARGE),
    RefuseReason.SEND_REJECTED: Tell(NoticeKind.REPLY_REFUSED),
    RefuseReason.SEND_IN_DOUBT: Silence.PERHAPS_SENT,
    RefuseReason.SENT_NOT_RECORDED: Silence.NOTHING_LOST,
}
"""Of replies that become dead letters; for all other reasons as for other mails."""

REFUSED_MAILS: Mapping[RefuseReason, Telling] = {RefuseReason.NOT_AUTHENTIC: Silence.NOBODY_SENT}
"""Of mails that become dead letters; for all other reasons `CORRECTED`."""

_MAIL: Mapping[Outcome, Telling] = {
    Forwarded(ForwardReason.EXISTING_MASK): Silence.MAIL_ARRIVES,
    Forwarded(ForwardReason.NEW_MASK): Silence.MAIL_ARRIVES,
    Forwarded(ForwardReason.SAID_SENT): Silence.MAIL_ARRIVES,
    **{Blocked(reason): Silence.OWNERS_WISH for reason in BlockReason},
    NoMask(NoMaskReason.UNKNOWN): Silence.NOBODYS,
    NoMask(NoMaskReason.DELETED): Silence.OWNERS_WISH,
    NoMask(NoMaskReason.NAME_NOT_ALLOWED): Silence.STRANGERS_NAME,
    NoMask(NoMaskReason.NEEDS_PREMIUM): Silence.STRANGERS_NAME,
    Ignored(IgnoreReason.NOREPLY): Silence.UNREAD,
    Ignored(IgnoreReason.NOT_OURS): Silence.NOBODYS,
    Dropped(DropReason.VIRUS): Silence.DANGEROUS,
    Dropped(DropReason.DEACTIVATED): Silence.NOT_ACTIVE,
    Dropped(DropReason.LOOP): Silence.GOES_ROUND,
    Dropped(DropReason.DISCARDED): Silence.OWNERS_WISH,
    **{Held(reason): InDigest() for reason in HeldReason},
    Held(HeldReason.MAILBOX): Silence.WOULD_BOUNCE,
    Held(HeldReason.CANNOT_BE_SENT): Tell(NoticeKind.MAIL_UNSENDABLE),
    **{Expired(reason): Silence.DIGEST_SAID for reason in HeldReason},
    Expired(HeldReason.MAILBOX): Silence.WOULD_BOUNCE,
}

_REPLY: Mapping[Outcome, Telling] = {
    Replied(ReplyReason.PREMIUM): Silence.SENT,
    Replied(ReplyReason.FIRST_REPLY): Tell(NoticeKind.FIRST_REPLY),
    Dropped(DropReason.VIRUS): Tell(NoticeKind.REPLY_VIRUS),
    Dropped(DropReason.ABUSE_PAUSE): Tell(NoticeKind.REPLIES_PAUSED),
    Dropped(DropReason.DEACTIVATED): Silence.NOT_ACTIVE,
    Dropped(DropReason.LOOP): Silence.GOES_ROUND,
    Dropped(DropReason.AUTOMATIC_REPLY): Silence.MACHINES,
    Dropped(DropReason.UNKNOWN_THREAD): Tell(NoticeKind.REPLY_UNKNOWN_THREAD),
    Dropped(DropReason.AMBIGUOUS_SENDER): Tell(NoticeKind.REPLY_AMBIGUOUS_SENDER),
    Dropped(DropReason.NOT_THE_OWNER): Tell(NoticeKind.REPLY_NOT_THE_OWNER),
    Dropped(DropReason.UNAUTHENTICATED): Tell(NoticeKind.REPLY_UNPROVEN),
    Dropped(DropReason.REPLIES_NEED_PREMIUM): Tell(NoticeKind.REPLIES_NEED_PREMIUM),
    Dropped(DropReason.REPLY_LIMIT): Tell(NoticeKind.REPLIES_PAUSED),
}

_FEEDBACK: Mapping[Outcome, Telling] = {
    Recorded(RecordReason.HARD_BOUNCE): Silence.WOULD_BOUNCE,
    Recorded(RecordReason.SOFT_BOUNCE): Silence.WOULD_BOUNCE,
    Recorded(RecordReason.BOUNCED_AS_SPAM): Tell(NoticeKind.MAIL_REFUSED_AS_SPAM),
    Recorded(RecordReason.BOUNCE_NOT_ABOUT_MAILBOX): Tell(NoticeKind.MAIL_REFUSED),
    Recorded(RecordReason.BOUNCE_OF_FORMER_ADDRESS): Tell(NoticeKind.MAIL_REFUSED),
    Recorded(RecordReason.BOUNCE_NOT_FINAL): Silence.NOTHING_LOST,
    Recorded(RecordReason.AUTOMATIC_ANSWER): Silence.NOTHING_LOST,
    Recorded(RecordReason.REPLY_BOUNCED): Tell(NoticeKind.REPLY_BOUNCED),
    Recorded(RecordReason.SPAM_BLOCKING_ON): Tell(NoticeKind.SPAM_BLOCKING_ON),
    Recorded(RecordReason.MASK_DISABLED): Tell(NoticeKind.MASK_DISABLED),
    Recorded(RecordReason.MASK_ALREADY_DISABLED): Silence.TOLD_BEFORE,
    Recorded(RecordReason.COMPLAINT_WITHOUT_MASK): Silence.NOTHING_LOST,
    Recorded(RecordReason.COMPLAINT_NOT_ABOUT_SPAM): Silence.NOTHING_LOST,
    Recorded(RecordReason.NOTICE_COMPLAINT): Silence.NOTHING_LOST,
    Recorded(RecordReason.REPLY_COMPLAINT): Silence.NOTHING_LOST,
    Recorded(RecordReason.UNKNOWN_RECIPIENT): Silence.NOBODY_KNOWN,
    Recorded(RecordReason.NO_RECIPIENT): Silence.NOBODY_KNOWN,
}

_NOTICE: Mapping[Outcome, Telling] = {
    Recorded(RecordReason.NOTICE_SENT): Silence.IS_NOTICE,
    Recorded(RecordReason.NOTICE_TO_NOBODY): Silence.NOT_ACTIVE,
    Recorded(RecordReason.NOTICE_MAILBOX_BOUNCES): Silence.WOULD_BOUNCE,
    Recorded(RecordReason.NOTICE_LIMIT): Silence.ENOUGH,
    Recorded(RecordReason.DIGEST_SENT): Silence.IS_NOTICE,
    Recorded(RecordReason.DIGEST_NOT_NEEDED): Silence.NOTHING_LOST,
}

TELLINGS: Mapping[Way, Mapping[Outcome, Telling]] = {
    Way.MAIL: _MAIL,
    Way.REPLY: _REPLY,
    Way.FEEDBACK: _FEEDBACK,
    Way.NOTICE: _NOTICE,
}

UNPROVEN = frozenset(
    {
        NoticeKind.REPLY_UNPROVEN,
        NoticeKind.REPLY_NOT_THE_OWNER,
        NoticeKind.REPLY_AMBIGUOUS_SENDER,
    }
)
"""About replies that anybody may have written: of all these, an owner gets one a day."""


def notice_after(way: Way, outcome: Outcome) -> NoticeKind | None:
    """Return the notice to send after this outcome, if any."""
    return _kind_of(TELLINGS[way].get(outcome))


def notice_after_refused_reply(reason: str) -> NoticeKind | None:
    """Return the notice to send about a reply that became a dead letter, if any."""
    return _kind_of({str(known): telling for known, telling in REFUSED_REPLIES.items()}.get(reason))


def as_proven(kind: NoticeKind, *, is_proven: bool) -> NoticeKind:
    """Return the notice about a reply: of one that isn't proven to be the owner's, only that."""
    return kind if is_proven or kind in UNPROVEN else NoticeKind.REPLY_UNPROVEN


def _kind_of(telling: Telling | None) -> NoticeKind | None:
    return telling.kind if isinstance(telling, Tell) else None
