"""Filters for dead letters. Pure: the caller looks up the mask's address."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from bridge.ledger import failure_reasons
from emails.rules import addresses
from emails.rules.addresses import Address
from emails.values import notifications
from emails.values.errors import Refused
from emails.values.facts import MaskRef
from emails.values.notifications import Received
from emails.wire import BULK_QUEUE, DEFAULT_QUEUE, FEEDBACK_QUEUE, INBOUND_QUEUE
from relay.operations.dead_letters.letter import DeadLetter

QUEUES = (INBOUND_QUEUE, BULK_QUEUE, FEEDBACK_QUEUE, DEFAULT_QUEUE)
"""The queues that may have dead letters."""

_AGE = re.compile(r"([0-9]{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_REASON = re.compile(r"[A-Za-z0-9_.]{1,60}(:[A-Za-z0-9_.]{1,60})?")
_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")


def read_age(text: str) -> timedelta:
    """Parse `90s`, `10m`, `3h`, `2d`. Raises ValueError that says what is allowed."""
    found = _AGE.fullmatch(text.strip())
    if found is None:
        raise ValueError("an age is a whole number and a unit: 90s, 10m, 3h or 2d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def read_reason(text: str) -> str:
    """Parse a reason, its category, or its detail. Raises ValueError."""
    if _REASON.fullmatch(text.strip()) is None:
        raise ValueError(
            f"a reason is a word, such as {failure_reasons.TIME_LIMIT} or send_rejected, or two: "
            "refused:send_rejected"
        )
    return text.strip()


def read_mask(text: str) -> MaskRef:
    """Parse a mask's id, as logs show it. Raises ValueError."""
    mask = MaskRef.parse(text.strip())
    if mask is None:
        raise ValueError("a mask id is a kind and a number, such as random-12 or domain-3")
    return mask


def read_id(text: str) -> str:
    """Parse a message's or a dead letter's id. Raises ValueError."""
    if not is_id(text.strip()):
        raise ValueError("an id has up to 100 letters, digits and dashes")
    return text.strip()


def is_id(text: str) -> bool:
    """Return whether this may be a message's or a dead letter's id."""
    return _ID.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class MaskFilter:
    """A mask and its address, by which notifications of received mail name it."""

    ref: MaskRef
    address: Address


@dataclass(frozen=True, slots=True)
class Filters:
    """All of these must match; an empty filter matches everything."""

    queue: str = ""
    reason: str = ""
    older_than: timedelta | None = None
    newer_than: timedelta | None = None
    mask: MaskFilter | None = None
    sqs_message_id: str = ""
    sns_message_id: str = ""

    @property
    def queues(self) -> tuple[str, ...]:
        """The queues to look in."""
        return (self.queue,) if self.queue else QUEUES

    @property
    def reads_messages(self) -> bool:
        """Whether the filters need whole messages."""
        return self.mask is not None or bool(self.sqs_message_id or self.sns_message_id)

    def is_reason(self, reason: str) -> bool:
        """Return whether a reason matches."""
        return not self.reason or failure_reasons.is_reason(reason, self.reason)

    def is_message(self, letter: DeadLetter) -> bool:
        """Return whether a dead letter's message matches."""
        if self.sqs_message_id and letter.sqs_message_id != self.sqs_message_id:
            return False
        if self.sns_message_id and letter.sns_message_id != self.sns_message_id:
            return False
        return self.mask is None or is_about(letter.notification, self.mask)

    def described(self) -> dict[str, str]:
        """Return the set filters as texts by name, without addresses, for logs and histories."""
        filters: Mapping[str, object] = {
            "queue": self.queue,
            "reason": self.reason,
            "older_than": self.older_than,
            "newer_than": self.newer_than,
            "mask": self.mask and self.mask.ref,
            "sqs_message_id": self.sqs_message_id,
            "sns_message_id": self.sns_message_id,
        }
        return {name: str(value) for name, value in filters.items() if value}


def is_about(notification: str, mask: MaskFilter) -> bool:
    """Return whether a notification is about a mail to this mask, or sent from it."""
    try:
        found = notifications.parse(notification)
    except Refused:
        return False
    if isinstance(found, Received):
        return mask.address in _masks(found.recipients)
    return found.mail.tag("mask") == str(mask.ref) or mask.address in _masks([found.mail.source])


def _masks(texts: Iterable[str]) -> set[Address]:
    parsed = (addresses.parse(text) for text in texts)
    return {address.untagged for address in parsed if address is not None}
