"""Encodes Dramatiq's messages for Redis, and decodes them.

It differs from Dramatiq's own encoder in three ways. A message that can't be decoded becomes one
for an actor that does not exist, so only that message is dead-lettered; an exception would strand
every message fetched in the same batch. A decoded notification hides its content where Dramatiq
prints a message's arguments. And tracebacks of failed attempts are left out: the exceptions' texts
may quote a mail, and `DeadLetterNote` keeps where they failed.
"""

import json
import time
import uuid
from typing import Any

import dramatiq

from emails.wire import DEFAULT_QUEUE

UNREADABLE_ACTOR = "unreadable"
"""The actor name of messages that could not be decoded. No such actor exists."""

_FIELDS = {"queue_name", "actor_name", "args", "kwargs", "options", "message_id"}


class Opaque(str):
    """A text whose `repr` shows only its length."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{len(self)} characters>"


class Encoder(dramatiq.Encoder):
    """JSON, tolerant of messages that it can't decode."""

    def encode(self, data: dict[str, Any]) -> bytes:
        """Encode a message."""
        options = {name: value for name, value in data["options"].items() if name != "traceback"}
        data = data | {"options": options}
        return json.dumps(data, separators=(",", ":")).encode()

    def decode(self, data: bytes) -> dict[str, Any]:
        """Decode a message; one that can't be decoded becomes one for UNREADABLE_ACTOR."""
        try:
            message = json.loads(data)
            if not isinstance(message, dict) or not message.keys() >= _FIELDS:
                return _unreadable()
            message["kwargs"] = {
                name: Opaque(value) if isinstance(value, str) else value
                for name, value in message["kwargs"].items()
            }
        except (ValueError, RecursionError, AttributeError):
            return _unreadable()
        return message


def _unreadable() -> dict[str, Any]:
    return {
        "queue_name": DEFAULT_QUEUE,
        "actor_name": UNREADABLE_ACTOR,
        "args": [],
        "kwargs": {},
        "options": {"redis_message_id": "unreadable"},
        "message_id": str(uuid.uuid4()),
        "message_timestamp": int(time.time() * 1000),
    }
