"""One message that is being retried, as operators see it. Pure."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from bridge.ledger.retries import LAST_REASON, SINCE, Stored
from bridge.ledger.story import Event
from emails.wire import SQS_MESSAGE_ID
from relay.operations.stored import as_count, as_id, as_moment, as_text, as_word, message_of

WORKER_DIED = "worker_died"
"""The reason of a message whose worker was killed, if no attempt of it has failed."""

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
    message = message_of(stored.message)
    if message is None:
        return None
    options = message["options"]
    failed = as_count(options.get(_RETRIES)) + as_count(options.get(_PUT_BACKS))
    # One may be running now. A message that nobody has fetched runs nowhere.
    died = max(0, begun - 1) if stored.is_fetched and not stored.is_delayed else begun
    if not failed + died:
        return None
    sqs_id = options.get(SQS_MESSAGE_ID)
    return Retry(
        id=as_id(sqs_id or message["message_id"]),
        is_from_sqs=bool(sqs_id),
        actor=as_word(message["actor_name"]),
        queue=stored.queue,
        attempts=failed + died,
        reason=as_word(options.get(LAST_REASON)) if failed else WORKER_DIED,
        since=as_moment(options.get(SINCE)),
        next_at=as_moment(options.get("eta")) if stored.is_delayed else None,
        waits_for=Waits.TIME if stored.is_delayed else Waits.WORKER,
    )


def read_left(event: Event) -> Retry:
    """Read what the story tells of a message that a bridge could not dispatch."""
    return Retry(
        id=as_id(event.sqs_message_id),
        is_from_sqs=True,
        actor="",
        queue="",
        attempts=0,
        reason=as_word(event.detail or event.what),
        since=as_moment(event.at_ms),
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
        "since": as_text(retry.since),
        "next_at": as_text(retry.next_at),
        "waits_for": retry.waits_for,
    }
