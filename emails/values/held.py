"""Held mails: what is known of a mail that waits in S3 for its release."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from emails.values.facts import MaskRef, Verdicts
from emails.values.notifications import StoredMail
from emails.values.outcomes import HeldReason

PREFIX = "held/"
"""Where held mails are in the bucket. Its expiry there must be later than ours."""


class HeldState(StrEnum):
    """The state of a held mail."""

    HELD = "held"
    """It waits for its release, or for its end."""

    RELEASING = "releasing"
    """Somebody released it: it is to be forwarded."""

    ENDED = "ended"
    """It has its last outcome, and is still in S3."""

    CLEARED = "cleared"
    """It has its last outcome, and is no longer in S3."""


@dataclass(frozen=True, slots=True)
class NewMask:
    """The address of a mask that the mail would create."""

    local: str
    domain: str


HeldTarget: TypeAlias = MaskRef | NewMask


@dataclass(frozen=True, slots=True)
class ToHold:
    """A mail to hold for an owner: a copy of it is in S3 already.

    `size` is in bytes; `received_at` is when SES received it. `sender` is the keyed hash by which
    its sender can be blocked; None if it has no one sender. `owner_id` is None while nobody knows
    whose mask it is. `frozen_by` is the control that orders to hold it, if one does.
    """

    owner_id: int | None
    target: HeldTarget
    mail: StoredMail
    size: int
    verdicts: Verdicts
    received_at: datetime
    expires_at: datetime
    sender: str | None = None
    frozen_by: str = ""


@dataclass(frozen=True, slots=True)
class HeldMail:
    """A held mail. `target` and `owner_id` are None once the mask or the owner was deleted.

    `waived` are the reasons for which it is not held again. `releases` counts the releases so far,
    and `attempts` the attempts of this release that ended in no order. `sns_message_id` and
    `recipient`, a hash, identify the delivery that held it. `sender` as in `ToHold`.
    """

    id: int
    owner_id: int | None
    target: HeldTarget | None
    reason: HeldReason
    waived: frozenset[HeldReason]
    state: HeldState
    sns_message_id: str
    recipient: str
    mail: StoredMail
    size: int
    verdicts: Verdicts
    received_at: datetime
    held_at: datetime
    expires_at: datetime
    releases: int
    attempts: int
    sender: str | None = None


@dataclass(frozen=True, slots=True)
class HeldCount:
    """How many mails are held for a reason, and when the oldest of them was received."""

    number: int
    oldest: datetime
