"""Facts: immutable snapshots, and the only things the rules know."""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from emails.values.account import ReputationLimits


class Verdict(StrEnum):
    """The result of one of SES's checks:
    https://docs.aws.amazon.com/ses/latest/dg/receiving-email-notifications-contents.html

    GRAY for DMARC means that the domain has no policy.
    """

    PASS = "PASS"  # noqa: S105
    FAIL = "FAIL"
    GRAY = "GRAY"
    PROCESSING_FAILED = "PROCESSING_FAILED"
    """SES could not evaluate the mail, perhaps because a name server did not answer."""
    UNKNOWN = "UNKNOWN"
    """The check is off, or returned a value we don't know."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """SES's checks of a received mail.

    `dmarc_rejects` and `dmarc_quarantines`: the domain's DMARC policy is `reject` or `quarantine`.
    """

    spam: Verdict
    virus: Verdict
    spf: Verdict
    dkim: Verdict
    dmarc: Verdict
    dmarc_rejects: bool
    dmarc_quarantines: bool = False


NOT_CHECKED = Verdicts(
    spam=Verdict.UNKNOWN,
    virus=Verdict.UNKNOWN,
    spf=Verdict.UNKNOWN,
    dkim=Verdict.UNKNOWN,
    dmarc=Verdict.UNKNOWN,
    dmarc_rejects=False,
)


class Header(NamedTuple):
    """One header field: the name as sent, the value unfolded but not decoded."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class MailFacts:
    """A received mail, as the rules see it. `source` is the envelope sender, which may be empty."""

    source: str
    verdicts: Verdicts
    headers: tuple[Header, ...]
    _values: dict[str, list[str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the values: the rules look for some thirty names."""
        values: dict[str, list[str]] = {}
        for header in self.headers:
            values.setdefault(header.name.lower(), []).append(header.value)
        object.__setattr__(self, "_values", values)

    def values(self, name: str) -> tuple[str, ...]:
        """Return the values of all headers called `name` (lower case), topmost first."""
        return tuple(self._values.get(name, ()))

    def first(self, name: str) -> str:
        """Return the value of the topmost header called `name` (lower case); empty: none."""
        return next(iter(self.values(name)), "")


class MaskKind(StrEnum):
    """Who chooses a mask's address: we do (random), or the first mail to it does (domain)."""

    RANDOM = "random"
    DOMAIN = "domain"


class SentKind(StrEnum):
    """What kind of mail we sent. UNKNOWN: the bounce or complaint came without our tags."""

    FORWARD = "forward"
    REPLY = "reply"
    NOTICE = "notice"
    UNKNOWN = "unknown"


class Block(StrEnum):
    """Which mail a mask blocks."""

    NONE = "none"
    PROMOTIONS = "promotions"
    ALL = "all"


class NotePlace(StrEnum):
    """Where an owner wants our note in forwarded mails. NONE: nowhere, except for warnings."""

    BOTTOM = "bottom"
    TOP = "top"
    NONE = "none"


_MASK_KINDS = frozenset(kind.value for kind in MaskKind)
_MASK_NUMBER = re.compile(r"[1-9][0-9]{0,17}")


@dataclass(frozen=True, slots=True)
class MaskRef:
    """Identifies a mask without its address, for logs and for the tags of the mails we send."""

    kind: MaskKind
    id: int

    def __str__(self) -> str:
        return f"{self.kind}-{self.id}"

    @classmethod
    def parse(cls, text: str) -> "MaskRef | None":
        """Parse the form that `str` returns. None: not a mask reference."""
        kind, _, number = text.partition("-")
        if kind not in _MASK_KINDS or _MASK_NUMBER.fullmatch(number) is None:
            return None
        return cls(MaskKind(kind), int(number))


@dataclass(frozen=True, slots=True)
class MaskFacts:
    """A mask. `label` is the owner's note about it."""

    ref: MaskRef
    address: str
    block: Block
    label: str

    def tags(self, kind: SentKind) -> tuple[tuple[str, str], ...]:
        """Return tags for a mail sent from this mask, so that its bounce names the mask by id."""
        return (("kind", kind.value), ("mask", str(self.ref)))


@dataclass(frozen=True, slots=True)
class OwnerFacts:
    """A mask's owner. `id` is the profile's. `address` is the real address and must never leak.

    `has_open_breaker`: mail to the address bounced lately, so it is held. `probe` is the id of the
    held mail that is let through all the same, to find out; None: there is none now.
    `blocks_senders`: there may be blocked senders to look up.
    """

    id: int
    address: str
    language: str
    is_active: bool
    is_premium: bool
    blocks_spam: bool
    removes_trackers: bool
    allows_metrics: bool
    has_replied: bool
    flagged_at: datetime | None
    has_open_breaker: bool = False
    probe: int | None = None
    blocks_senders: bool = False
    note_place: NotePlace = NotePlace.BOTTOM


@dataclass(frozen=True, slots=True)
class Volume:
    """Some mails, and the bytes of them all."""

    mails: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """What was forwarded for a mask today: in all, and of one sender's domain."""

    mask: Volume = Volume()
    sender: Volume = Volume()


@dataclass(frozen=True, slots=True)
class FoundMask:
    """The mask exists. `usage` counts today's mails, also of the sender that it was found for."""

    mask: MaskFacts
    owner: OwnerFacts
    usage: Usage = Usage()

    @property
    def address(self) -> str:
        """The mask's address."""
        return self.mask.address


@dataclass(frozen=True, slots=True)
class CreatableMask:
    """No such mask yet, but the domain belongs to an owner: the mail may create it.

    `made_today` counts the owner's new domain masks, and `made_by_sender` those that mails of this
    sender's domain created.
    """

    local: str
    domain: str
    owner: OwnerFacts
    was_deleted: bool
    made_today: int
    made_by_sender: int = 0

    @property
    def address(self) -> str:
        """The address of the mask to create."""
        return f"{self.local}@{self.domain}"


@dataclass(frozen=True, slots=True)
class MissingMask:
    """No such mask, and the domain belongs to no owner."""

    was_deleted: bool


MaskLookup: TypeAlias = FoundMask | CreatableMask | MissingMask


@dataclass(frozen=True, slots=True)
class ReplyFacts:
    """The thread that a reply belongs to: the mask, its owner, and who wrote to it.

    `message_id` and `references` come from the forwarded mail, so that the correspondent's mail
    program can keep the thread together.
    """

    mask: MaskFacts
    owner: OwnerFacts
    correspondent: str
    message_id: str | None
    references: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings that `rules` and `flow` need.

    A pause starts at the flag. Probes of a mailbox follow `probe_after`, and each is given
    `probe_wait` to bounce. The limits are for one UTC day: `mask_limit` for what is forwarded for a
    mask, `sender_limit` for that of one sender's domain. A mail is held for `keep_held`.
    `claim_duration` is how long one attempt may hold a delivery. `send_event_wait` is how long to
    wait for SES's `Send` event before a mail that may have been sent is sent again; None: SES
    publishes no such events. `ses_id_domain` is that of the Message-IDs that SES gives our mails. A
    mail to many recipients is settled in portions: an attempt begins more for as long as `portion`.
    Mail to `canary_mask` is our own; None: there is none. `reputation`: how much may come back.
    `old_replies_address` is the one in mails that the predecessor forwarded.
    """

    mask_domains: tuple[str, ...]
    replies_address: str
    from_address: str
    bucket: str
    warning_url: str
    probe_after: tuple[timedelta, ...]
    probe_wait: timedelta
    abuse_pause: timedelta
    keep_held: timedelta
    mask_limit: Volume
    sender_limit: Volume
    max_replies_per_day: int
    max_masks_per_day: int
    max_masks_per_sender: int
    claim_duration: timedelta
    send_event_wait: timedelta | None
    ses_id_domain: str = "email.amazonses.com"
    portion: timedelta = timedelta(seconds=30)
    canary_mask: str | None = None
    old_replies_address: str | None = None
    reputation: ReputationLimits = field(default_factory=ReputationLimits)
