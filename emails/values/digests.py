"""Digests: what an owner is told about held mails, once a day."""

from dataclasses import dataclass
from datetime import datetime

from emails.values.held import HeldMail
from emails.values.outcomes import HeldReason


@dataclass(frozen=True, slots=True)
class OpenDigest:
    """A digest that is to be sent to an owner."""

    id: int
    owner_id: int
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class ToldMail:
    """A held mail that its owner was told of, and its mask's address; empty: the mask is gone."""

    mail: HeldMail
    mask: str


@dataclass(frozen=True, slots=True)
class Author:
    """Who a held mail says it is from, safe to show.

    `is_verified`: it comes from the address's domain. `is_posing`: it isn't, and the domain is one
    of ours. `address` and `name` may be empty.
    """

    address: str
    name: str
    is_verified: bool
    is_posing: bool = False


@dataclass(frozen=True, slots=True)
class DigestEntry:
    """A held mail as its owner is told of it. None: that part could not be read."""

    mail_id: int
    mask: str
    author: Author | None
    subject: str | None
    received_at: datetime
    reason: HeldReason


@dataclass(frozen=True, slots=True)
class Digest:
    """The content of a digest: the newest of `number` held mails, newest first.

    `owner_address` is where it goes to.
    """

    id: int
    owner_id: int
    owner_address: str
    language: str
    entries: tuple[DigestEntry, ...]
    number: int
