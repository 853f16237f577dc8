"""Reads Dramatiq's messages as Redis has them, for lists. Pure.

Of what is stored only ids, counts, words and times are read, and each as what it should be or not
at all: somebody else may have written it, and the rest of a message is mail.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bridge.ledger.failure_reasons import UNKNOWN
from emails.wire import SQS_MESSAGE_ID

_WORD = re.compile(r"[A-Za-z0-9_.:-]{1,160}")
_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")


def message_of(stored: bytes) -> Mapping[str, Any] | None:
    """Decode a message; None if it is none."""
    try:
        message = json.loads(stored)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict) or not message.keys() >= {"actor_name", "message_id"}:
        return None
    return message if isinstance(message.get("options"), dict) else None


def sqs_id_of(stored: bytes) -> str:
    """Return the id of a message's SQS message; empty for a periodic job."""
    message = message_of(stored)
    return str(message["options"].get(SQS_MESSAGE_ID, "")) if message else ""


def as_id(value: object) -> str:
    """Return an id, or `unknown`."""
    return _matching(_ID, value)


def as_word(value: object) -> str:
    """Return a word, or `unknown`."""
    return _matching(_WORD, value)


def as_count(value: object) -> int:
    """Return a count, or 0."""
    return value if isinstance(value, int) and 0 <= value < 2**31 else 0


def as_moment(ms: object) -> datetime | None:
    """Return a time (ms), or None."""
    if not isinstance(ms, int) or ms <= 0:
        return None
    try:
        return datetime.fromtimestamp(ms / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def as_text(moment: datetime | None) -> str | None:
    """Return a time for a list."""
    return moment.isoformat(timespec="seconds") if moment is not None else None


def _matching(allowed: re.Pattern[str], value: object) -> str:
    return value if isinstance(value, str) and allowed.fullmatch(value) else UNKNOWN
