"""One dead letter as operators see it, and the message it becomes when requeued. Pure."""

import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bridge.ledger import failure_reasons
from bridge.ledger.dead_letters import NOTE, Place, Requeue
from emails.wire import SQS_MESSAGE_ID

_SENT_AT = "sent_at_ms"
_TAKEN_AT = "taken_at_ms"
_REQUEUES = "requeues"

_DROPPED_ON_REQUEUE = (
    {"retries", "put_backs", "suspicions", "traceback"}
    | {"requeue_timestamp", "eta", "redis_message_id"}
    | {NOTE, failure_reasons.TOO_MANY_DELIVERIES}
    # periodiq skips late jobs; an operator who requeues one wants it to run.
    | {"scheduled_at"}
)
"""Options that requeueing drops: with its old counts, a message would be dead-lettered at its
next failure."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter. `message` is Dramatiq's message, or None if it can't be decoded."""

    place: Place
    reason: str
    message: dict[str, Any] | None

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
    def sqs_message_id(self) -> str:
        """The id of its SQS message; empty for a periodic job."""
        return str(self.options.get(SQS_MESSAGE_ID, ""))

    @property
    def sns_message_id(self) -> str:
        """SNS's id of the notification; empty for a periodic job."""
        return self._argument("sns_message_id")

    @property
    def notification(self) -> str:
        """SES's whole JSON; empty for a periodic job."""
        return self._argument("notification")

    @property
    def actor(self) -> str:
        """The actor's name."""
        return str(self.message["actor_name"]) if self.message else ""

    @property
    def attempts(self) -> int | None:
        """The number of its attempts; None if unknown."""
        attempts = self.note.get("attempts", self.options.get("retries"))
        return attempts if isinstance(attempts, int) else None

    @property
    def requeues(self) -> int:
        """How often operators have requeued it."""
        return int(self.options.get(_REQUEUES, 0))

    @property
    def error_type(self) -> str:
        """The type of the exception that ended its last attempt, if any."""
        return str(self.note.get("error_type", ""))

    @property
    def error_code(self) -> str:
        """AWS's or PostgreSQL's code for that error, if it has one."""
        return str(self.note.get("error_code", ""))

    @property
    def traceback(self) -> list[str]:
        """Where its last attempt failed, without the exceptions' texts."""
        return [str(line) for line in self.note.get("traceback", [])]

    @property
    def full_traceback(self) -> str:
        """The traceback as Dramatiq keeps it. The exceptions' texts may quote the mail."""
        return str(self.options.get("traceback", ""))

    @property
    def died_at(self) -> datetime:
        """When it was dead-lettered."""
        return _moment(self.place.died_at_ms)

    @property
    def sent_at(self) -> datetime | None:
        """When SNS sent it to SQS."""
        sent_at = self.options.get(_SENT_AT)
        return _moment(sent_at) if isinstance(sent_at, int) else None

    @property
    def taken_at(self) -> datetime | None:
        """When the bridge received it, before any requeue."""
        stored = self.message["message_timestamp"] if self.message else None
        taken_at = self.options.get(_TAKEN_AT, stored)
        return _moment(taken_at) if isinstance(taken_at, int) else None

    @property
    def time_in_sqs(self) -> timedelta | None:
        """How long it waited in SQS."""
        if self.sent_at is None or self.taken_at is None:
            return None
        return max(self.taken_at - self.sent_at, timedelta())

    def _argument(self, name: str) -> str:
        value = self.message["kwargs"].get(name) if self.message else None
        return value if isinstance(value, str) else ""


def read(place: Place, stored: bytes, reason: str | None) -> DeadLetter:
    """Decode a dead letter as stored; `reason` is its separate note, if there is one."""
    return DeadLetter(place, reason or failure_reasons.UNKNOWN, _message(stored))


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


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
