"""The values behind "sent once": claims on a delivery, and the mail that is sent for it."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from emails.values.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class Claim:
    """We hold the claim on this delivery until `until`."""

    delivery_id: int
    until: datetime


@dataclass(frozen=True, slots=True)
class Finished:
    """An earlier attempt finished this delivery, with this outcome."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class ClaimedElsewhere:
    """Another worker holds the claim."""


@dataclass(frozen=True, slots=True)
class InDoubt:
    """The mail may have been sent; we don't know."""


ClaimResult: TypeAlias = Claim | Finished | ClaimedElsewhere | InDoubt


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A mail ready to send. SES returns `tags` with its bounces and complaints."""

    raw: bytes
    sender: str
    recipient: str
    tags: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Sent:
    """A mail that SES accepted: SES's id, the size in bytes, and how many trackers were removed."""

    message_id: str
    size: int
    trackers_removed: int = 0


class SendInDoubt(Exception):
    """No answer came from SES: it may or may not have sent the mail."""
