"""One dead letter as operators see it, and the message it becomes when requeued. Pure.

What is stored may be anything, if somebody else can write to Redis: each field is read as what it
should be, or is missing.
"""

import json
import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeGuard

from bridge.ledger import failure_reasons
from bridge.ledger.dead_letters import NOTE, Place, Requeue
from bridge.ledger.retries import LAST_REASON, SINCE
from bridge.sns.envelope import parse
from bridge.sns.reject_reasons import Rejected
from emails.values.outcomes import RefuseReason
from emails.wire import ABOUT, SQS_MESSAGE_ID, Publication
from runtime.message_context import MessageContext, from_text
from runtime.seals import Forged, SealedByAnother, Seals

_SENT_AT = "sent_at_ms"
_TAKEN_AT = "taken_at_ms"
_REQUEUES = "requeues"

_DROPPED_ON_REQUEUE = (
    {"retries", "put_backs", "suspicions", "traceback"}
    | {"requeue_timestamp", "eta", "redis_message_id", SINCE, LAST_REASON}
    | {NOTE, failure_reasons.TOO_MANY_DELIVERIES}
    # periodiq skips late jobs; an operator who requeues one wants it to run.
    | {"scheduled_at"}
)
"""Options that requeueing drops: with its old counts, a message would be dead-lettered at its
next failure."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter. `message` is Dramatiq's message, or None if it can't be decoded.

    `publication` is what SNS published; None for a periodic job, and for what `LEDGER_SECRETS`
    don't open. Nothing proves that it is genuine: only a worker checks that.
    """

    place: Place
    reason: str
    message: dict[str, Any] | None
    publication: Publication | None = None

    @property
    def has_page(self) -> bool:
        """Whether its id can be part of a URL. Ours can."""
        return re.fullmatch(r"[A-Za-z0-9_-]{1,100}", self.place.id) is not None

    @property
    def options(self) -> dict[str, Any]:
        """The message's options."""
        return self.message["options"] if self.message else {}

    @property
    def note(self) -> dict[str, Any]:
        """The note that was made when it died."""
        note = self.options.get(NOTE)
        return note if isinstance(note, dict) else {}

    @property
    def is_in_doubt(self) -> bool:
        """Whether it may have been sent, and nobody knows."""
        return failure_reasons.is_reason(self.reason, RefuseReason.SEND_IN_DOUBT.value)

    @property
    def sqs_message_id(self) -> str:
        """The id of its SQS message; empty for a periodic job."""
        return printable(self.options.get(SQS_MESSAGE_ID, ""))

    @property
    def sns_message_id(self) -> str:
        """SNS's id of the notification; empty for a periodic job."""
        return self.publication.sns_message_id if self.publication else ""

    @property
    def about(self) -> MessageContext:
        """The ids that the bridge gave it. Nothing proves them."""
        return from_text(self.options.get(SQS_MESSAGE_ID), self.options.get(ABOUT))

    @property
    def notification(self) -> str:
        """SES's whole JSON; empty for a periodic job, and if it can't be opened."""
        return self.publication.notification if self.publication else ""

    @property
    def actor(self) -> str:
        """The actor's name."""
        return printable(self.message["actor_name"]) if self.message else ""

    @property
    def attempts(self) -> int | None:
        """The number of its attempts; None if unknown."""
        attempts = self.note.get("attempts", self.options.get("retries"))
        return attempts if _is_count(attempts) else None

    @property
    def requeues(self) -> int:
        """How often operators have requeued it."""
        requeues = self.options.get(_REQUEUES, 0)
        return requeues if _is_count(requeues) else 0

    @property
    def error_type(self) -> str:
        """The type of the exception that ended its last attempt, if any."""
        return printable(self.note.get("error_type", ""))

    @property
    def error_code(self) -> str:
        """AWS's or PostgreSQL's code for that error, if it has one."""
        return printable(self.note.get("error_code", ""))

    @property
    def traceback(self) -> list[str]:
        """Where its last attempt failed, without the exceptions' texts."""
        lines = self.note.get("traceback")
        return [str(line) for line in lines] if isinstance(lines, list) else []

    @property
    def died_at(self) -> datetime | None:
        """When it was dead-lettered; None if that is no time."""
        return _moment(self.place.died_at_ms)

    @property
    def sent_at(self) -> datetime | None:
        """When SNS sent it to SQS."""
        return _moment(self.options.get(_SENT_AT))

    @property
    def taken_at(self) -> datetime | None:
        """When the bridge received it, before any requeue."""
        stored = self.message["message_timestamp"] if self.message else None
        return _moment(self.options.get(_TAKEN_AT, stored))

    @property
    def time_in_sqs(self) -> timedelta | None:
        """How long it waited in SQS."""
        if self.sent_at is None or self.taken_at is None:
            return None
        return max(self.taken_at - self.sent_at, timedelta())


def read(place: Place, stored: bytes, reason: str | None, seals: Seals) -> DeadLetter:
    """Decode a dead letter as stored; `reason` is its separate note, if there is one."""
    message = _message(stored)
    publication = _publication(message, seals) if message else None
    return DeadLetter(place, reason or failure_reasons.UNKNOWN, message, publication)


def make_requeue(letter: DeadLetter, now: datetime) -> Requeue | None:
    """Make the message that it is requeued as, without the traces of its failures.

    Returns None if it can't be decoded.
    """
    if letter.message is None:
        return None
    new_id = str(uuid.uuid4())
    options = {k: v for k, v in letter.options.items() if k not in _DROPPED_ON_REQUEUE}
    options |= {
        "redis_message_id": new_id,
        _REQUEUES: letter.requeues + 1,
        _TAKEN_AT: options.get(_TAKEN_AT, letter.message["message_timestamp"]),
    }
    message = letter.message | {
        "queue_name": letter.place.queue,
        "options": options,
        "message_timestamp": int(now.timestamp() * 1000),
    }
    encoded = json.dumps(message, separators=(",", ":")).encode()
    return Requeue(letter.place, new_id, encoded, letter.sqs_message_id)


def _publication(message: dict[str, Any], seals: Seals) -> Publication | None:
    sealed = message["kwargs"].get("envelope")
    try:
        body = seals.open(sealed, str(message["options"].get(SQS_MESSAGE_ID, "")))
        envelope = parse(body)
    except (Forged, SealedByAnother, Rejected):
        return None
    return Publication(envelope.message_id, envelope.message)


def _message(stored: bytes) -> dict[str, Any] | None:
    try:
        message = json.loads(stored)
    except (ValueError, RecursionError):
        return None
    fields = {"actor_name", "args", "kwargs", "options", "message_id", "message_timestamp"}
    if not isinstance(message, dict) or not message.keys() >= fields:
        return None
    if not isinstance(message["options"], dict) or not isinstance(message["kwargs"], dict):
        return None
    return message


def _moment(ms: object) -> datetime | None:
    """Return the time that milliseconds since 1970 mean; None if that is none."""
    if not isinstance(ms, int):
        return None
    try:
        return datetime.fromtimestamp(ms / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def printable(value: object) -> str:
    """Return a value as text, without what no answer can hold: halves of characters (`\\ud800`)."""
    return str(value).encode(errors="replace").decode()


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and 0 <= value < 2**31
