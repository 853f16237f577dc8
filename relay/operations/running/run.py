"""One message that a worker runs, as operators see it. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bridge.ledger.running import Fetched
from bridge.ledger.story import BEGUN, Event
from emails.wire import SQS_MESSAGE_ID
from relay.operations.stored import as_count, as_id, as_moment, as_text, as_word, message_of


@dataclass(frozen=True, slots=True)
class Run:
    """A message that a worker runs: its attempt number `attempt` began at `since`.

    `id` is the SQS message's or, of a periodic job, Dramatiq's. Without `since`, nobody has told
    when it began; `seconds` is how long ago that is, and `worker` the name of its process.
    """

    id: str
    is_from_sqs: bool
    actor: str
    queue: str
    attempt: int
    since: datetime | None
    seconds: float | None
    worker: str

    @property
    def where(self) -> str:
        """The worker's host and process, as the dashboard names them; empty if unknown."""
        parts = self.worker.split(":")
        return f"{parts[1]}, process {parts[2]}" if len(parts) > 2 else self.worker


def read(fetched: Fetched, begun: int, last: Event | None, now_ms: int) -> Run | None:
    """Read a message; None if it waits for a thread of its worker, or isn't one.

    `begun`: so many of its attempts have begun without an orderly end. `last` is what was told of
    them last; of a message that has begun it is missing if the story is off, or has forgotten it.
    """
    message = message_of(fetched.message)
    if message is None:
        return None
    options = message["options"]
    sqs_id = options.get(SQS_MESSAGE_ID)
    is_begun = last.what == BEGUN if last is not None else begun > 0
    # Of a job, nothing is told.
    if sqs_id and not is_begun:
        return None
    failed = as_count(options.get("retries")) + as_count(options.get("put_backs"))
    return Run(
        id=as_id(sqs_id or message["message_id"]),
        is_from_sqs=bool(sqs_id),
        actor=as_word(message["actor_name"]),
        queue=fetched.queue,
        attempt=failed + max(1, begun),
        since=as_moment(last.at_ms) if last is not None else None,
        seconds=max(0, now_ms - last.at_ms) / 1000 if last is not None else None,
        worker=as_word(last.detail) if last is not None else "",
    )


def longest_first(runs: Iterable[Run]) -> list[Run]:
    """Sort: what has run longest first; what nobody knows of last."""
    return sorted(runs, key=lambda one: (one.seconds is None, -(one.seconds or 0), one.id))


def as_json(run: Run) -> dict[str, Any]:
    """Return it for a list."""
    return {
        "id": run.id,
        "actor": run.actor,
        "queue": run.queue,
        "attempt": run.attempt,
        "since": as_text(run.since),
        "seconds": None if run.seconds is None else round(run.seconds, 1),
        "worker": run.worker,
    }
