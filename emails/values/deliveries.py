"""The words of *once only*, shared by the edges and the conductor: claims, and what was sent."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from emails.values.outcomes import Outcome


@dataclass(frozen=True, slots=True)
class Claim:
    """The delivery is ours until then."""

    delivery_id: int
    until: datetime


@dataclass(frozen=True, slots=True)
class Finished:
    """It was carried out before, with this outcome."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class ClaimedElsewhere:
    """Somebody else is carrying it out."""


@dataclass(frozen=True, slots=True)
class InDoubt:
    """It was perhaps sent; nobody knows."""


ClaimResult: TypeAlias = Claim | Finished | ClaimedElsewhere | InDoubt


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A mail that is ready to be sent. `tags` come back with its bounce."""

    raw: bytes
    sender: str
    recipient: str
    tags: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Sent:
    """A mail that SES took: its id there, its size in bytes, and the trackers taken out of it."""

    message_id: str
    size: int
    trackers_removed: int = 0


class SendInDoubt(Exception):
    """SES may have sent the mail, or not: the answer did not come."""
