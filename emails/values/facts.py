"""Frozen snapshots: all that the rules may know. Made by the edges, changed by nobody."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias


class Verdict(StrEnum):
    """What SES found in one of its checks; GRAY for DMARC means that the domain has no policy."""

    PASS = "PASS"  # noqa: S105
    FAIL = "FAIL"
    GRAY = "GRAY"
    UNKNOWN = "UNKNOWN"
    """The check is off, failed, or gave a word we don't know."""


@dataclass(frozen=True, slots=True)
class Verdicts:
    """SES's checks of a received mail. `dmarc_rejects`: the domain asks to reject what fails."""

    spam: Verdict
    virus: Verdict
    spf: Verdict
    dkim: Verdict
    dmarc: Verdict
    dmarc_rejects: bool


@dataclass(frozen=True, slots=True)
class Header:
    """One header field; the name as sent, the value unfolded but not decoded."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class MailFacts:
    """A received mail, as the rules see it. `source` is the envelope's sender, empty for none."""

    source: str
    verdicts: Verdicts
    headers: tuple[Header, ...]

    def values(self, name: str) -> tuple[str, ...]:
        """Give the values of all headers called `name` (lower case), the topmost first."""
        return tuple(header.value for header in self.headers if header.name.lower() == name)


class MaskKind(StrEnum):
    """Random masks are made by us, domain masks by the first mail to an owner's own name."""

    RANDOM = "random"
    DOMAIN = "domain"


class SentKind(StrEnum):
    """What a mail of ours was. It comes back in the tags of its bounce, or not at all."""

    FORWARD = "forward"
    REPLY = "reply"
    NOTICE = "notice"
    UNKNOWN = "unknown"


class Block(StrEnum):
    """What a mask doesn't let through."""

    NONE = "none"
    PROMOTIONS = "promotions"
    ALL = "all"


_MASK_KINDS = frozenset(kind.value for kind in MaskKind)
_MASK_NUMBER = re.compile(r"[1-9][0-9]{0,17}")


@dataclass(frozen=True, slots=True)
class MaskRef:
    """Names a mask without its address: in logs, and in the tags of what we send."""

    kind: MaskKind
    id: int

    def __str__(self) -> str:
        return f"{self.kind}-{self.id}"

    @classmethod
    def parse(cls, text: str) -> "MaskRef | None":
        """Read what `str` gives. None: this isn't one."""
        kind, _, number = text.partition("-")
        if kind not in _MASK_KINDS or _MASK_NUMBER.fullmatch(number) is None:
            return None
        return cls(MaskKind(kind), int(number))


@dataclass(frozen=True, slots=True)
class MaskFacts:
    """A mask. `label` is its owner's note about it."""

    ref: MaskRef
    address: str
    block: Block
    label: str

    def tags(self, kind: SentKind) -> tuple[tuple[str, str], ...]:
        """Tag what we send, so that its bounce leads back to the mask without an address."""
        return (("kind", kind.value), ("mask", str(self.ref)))


@dataclass(frozen=True, slots=True)
class OwnerFacts:
    """A mask's owner. `id` is the profile's, `address` the real one: it must not leak."""

    id: int
    address: str
    language: str
    is_active: bool
    is_premium: bool
    blocks_spam: bool
    removes_trackers: bool
    allows_metrics: bool
    has_replied: bool
    hard_bounced_at: datetime | None
    soft_bounced_at: datetime | None
    flagged_at: datetime | None


@dataclass(frozen=True, slots=True)
class FoundMask:
    """There is such a mask."""

    mask: MaskFacts
    owner: OwnerFacts


@dataclass(frozen=True, slots=True)
class CreatableMask:
    """No such mask, but its domain is an owner's: the mail may make it.

    `made_today` and `made_in_all` count the domain masks that the owner has.
    """

    local: str
    domain: str
    owner: OwnerFacts
    was_deleted: bool
    made_today: int
    made_in_all: int


@dataclass(frozen=True, slots=True)
class MissingMask:
    """No such mask, and nobody's domain."""

    was_deleted: bool


MaskLookup: TypeAlias = FoundMask | CreatableMask | MissingMask


@dataclass(frozen=True, slots=True)
class ReplyFacts:
    """The thread that a reply belongs to: the mask, its owner, and who wrote to it.

    `message_id` and `references` are those of the mail that was forwarded, so that the
    correspondent's client can keep the thread.
    """

    mask: MaskFacts
    owner: OwnerFacts
    correspondent: str
    message_id: str | None
    references: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings that the rules and their conductor need.

    A pause counts from the bounce or the flag. `claim` is how long one attempt holds a delivery.
    """

    mask_domains: tuple[str, ...]
    replies_address: str
    from_address: str
    bucket: str
    warning_url: str
    hard_bounce_pause: timedelta
    soft_bounce_pause: timedelta
    abuse_pause: timedelta
    max_mails_per_day: int
    max_bytes_per_day: int
    max_replies_per_day: int
    max_masks_per_day: int
    max_domain_masks: int
    claim: timedelta
