"""One message that is being retried, as operators see it. Pure.

Of what is stored only ids, counts, words and times are read, and each as what it should be or not
at all: somebody else may have written it, and the rest of a message is mail.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from bridge.ledger import failure_reasons
from bridge.ledger.retries import LAST_REASON, SINCE, Stored
from bridge.ledger.story import Event
from emails.wire import SQS_MESSAGE_ID

WORKER_DIED = "worker_died"
"""The reason of a message whose worker was killed, if no attempt of it has failed."""

_WORD = re.compile(r"[A-Za-z0-9_.:-]{1,160}")
_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
_RETRIES, _PUT_BACKS = "retries", "put_backs"


class Waits(StrEnum):
    """What a message waits for."""

    TIME = "its time"
    WORKER = "a worker, or runs"
    BRIDGE = "its bridge"
    SQS = "SQS to deliver it again"


_WAITS_OF_LEFT = {"parked": Waits.BRIDGE}


@dataclass(frozen=True, slots=True)
class Retry:
    """A message that is being retried.

    `id` is the SQS message's or, of a periodic job, Dramatiq's. `attempts` have failed so far;
    `reason` is the last one's, and `since` when the first one failed, None if that is not known.
    """

    id: str
    is_from_sqs: bool
    actor: str
    queue: str
    attempts: int
    reason: str
    since: datetime | None
    next_at: datetime | None
    waits_for: Waits


def read(stored: Stored, begun: int) -> Retry | None:
    """Read a message; None if it isn't being retried, or isn't one.

    `begun`: so many of its attempts have begun without an orderly end.
    """
    message = _message(stored.message)
    if message is None:
        return None
    options = message["options"]
    failed = _count(options.get(_RETRIES)) + _count(options.get(_PUT_BACKS))
    # One may be running now. A message that nobody has fetched runs nowhere.
    died = max(0, begun - 1) if stored.is_fetched and not stored.is_delayed else begun
    if not failed + died:
        return None
    sqs_id = options.get(SQS_MESSAGE_ID)
    return Retry(
        id=_matching(_ID, sqs_id or message["message_id"]),
        is_from_sqs=bool(sqs_id),
        actor=_matching(_WORD, message["actor_name"]),
        queue=stored.queue,
        attempts=failed + died,
        reason=_matching(_WORD, options.get(LAST_REASON)) if failed else WORKER_DIED,
        since=_moment(options.get(SINCE)),
        next_at=_moment(options.get("eta")) if stored.is_delayed else None,
        waits_for=Waits.TIME if stored.is_delayed else Waits.WORKER,
    )


def sqs_id_of(stored: Stored) -> str:
    """Return the id of a message's SQS message; empty for a periodic job."""
    message = _message(stored.message)
    return str(message["options"].get(SQS_MESSAGE_ID, "")) if message else ""


def read_left(event: Event) -> Retry:
    """Read what the story tells of a message that a bridge could not dispatch."""
    return Retry(
        id=_matching(_ID, event.sqs_message_id),
        is_from_sqs=True,
        actor="",
        queue="",
        attempts=0,
        reason=_matching(_WORD, event.detail or event.what),
        since=_moment(event.at_ms),
        next_at=None,
        waits_for=_WAITS_OF_LEFT.get(event.what, Waits.SQS),
    )


def oldest_first(retries: Iterable[Retry]) -> list[Retry]:
    """Sort: what has failed longest first; what nobody knows of last."""

    def order(one: Retry) -> tuple[float, str]:
        return (one.since.timestamp() if one.since else math.inf, one.id)

    return sorted(retries, key=order)


def as_json(retry: Retry) -> dict[str, Any]:
    """Return it for a list."""
    return {
        "id": retry.id,
        "actor": retry.actor,
        "queue": retry.queue,
        "attempts": retry.attempts,
        "reason": retry.reason,
        "since": _time(retry.since),
        "next_at": _time(retry.next_at),
        "waits_for": retry.waits_for,
    }


def _message(stored: bytes) -> Mapping[str, Any] | None:
    try:
        message = json.loads(stored)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict) or not message.keys() >= {"actor_name", "message_id"}:
        return None
    return message if isinstance(message.get("options"), dict) else None


def _count(value: object) -> int:
    return value if isinstance(value, int) and 0 <= value < 2**31 else 0


def _matching(allowed: re.Pattern[str], value: object) -> str:
    return value if isinstance(value, str) and allowed.fullmatch(value) else failure_reasons.UNKNOWN


def _moment(ms: object) -> datetime | None:
    if not isinstance(ms, int) or ms <= 0:
        return None
    try:
        return datetime.fromtimestamp(ms / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment is not None else None
