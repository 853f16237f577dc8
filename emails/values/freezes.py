"""Freezes: an operator's orders to hold some mail for a while."""

from dataclasses import dataclass
from enum import StrEnum


class FreezeKind(StrEnum):
    """What a freeze goes by."""

    MASK = "mask"
    OWNER = "owner"
    DOMAIN = "domain"
    REASON = "reason"


@dataclass(frozen=True, slots=True)
class Freeze:
    """A freeze that is in force. `id` is its control's.

    `target`: a mask's id (`random-12`), an owner's, a sender's domain, or an outcome's reason.
    """

    id: str
    kind: FreezeKind
    target: str
