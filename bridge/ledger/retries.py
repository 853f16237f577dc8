"""What is being retried, read from Dramatiq's queues and from the story of the messages.

A message whose attempt failed waits among the delayed ones of its queue, in Redis or in the worker
that counts its seconds, and is then enqueued again. So it is found by its options, wherever it is.
One whose worker was killed is enqueued as it was; only its count of attempts tells. What a bridge
parked, deferred or gave back is known to its memory and to the story alone.

Errors of Redis pass through as `RedisError`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from bridge.ledger import keys
from bridge.ledger.dead_letters import MESSAGES_BATCH, in_batches
from bridge.ledger.scripts import script
from bridge.ledger.story import Event, find_lines, read_line

if TYPE_CHECKING:
    from redis import Redis

SINCE = "failing_since_ms"
"""The option of a message whose attempts fail: when the first one failed."""

LAST_REASON = "last_failure"
"""The option that says why the last one failed: `sender_unavailable:Throttling`, in fixed words."""

_DELAYED = ".DQ"
"""What Dramatiq calls a queue of delayed messages, after the queue's own name."""

_LEFT = ("parked", "deferred", "refused")
"""What the story says of a message that a bridge could not dispatch: `bridge.dispositions`."""

_PARKED = "parked"
_GONE_MS = 900_000
"""How old such an event may be. SQS delivers the message again sooner, and a bridge says what
became of it then; only a parked one stays where it is."""

_MARKS = tuple(f"\te\t{what}\t" for what in _LEFT)


@dataclass(frozen=True, slots=True)
class Stored:
    """A message as Redis has it, under `entry_id`. `is_delayed`: it waits for its time; else it may
    run now. `is_fetched`: a worker has it, or had it when it was killed.
    """

    entry_id: str
    queue: str
    is_delayed: bool
    is_fetched: bool
    message: bytes


def count_stored(client: "Redis", queues: Sequence[str]) -> int:
    """Count the messages in these queues, delayed or not."""
    with client.pipeline(transaction=False) as pipeline:
        for name in _all(queues):
            pipeline.hlen(keys.messages_of(keys.queue(name)))
        counted: list[int] = pipeline.execute()
    return sum(counted)


def find_delayed(client: "Redis", queues: Sequence[str]) -> Iterator[Stored]:
    """Read all messages of these queues that wait for their time."""
    return _find(client, _delayed(queues))


def find_stored(client: "Redis", queues: Sequence[str], most: int) -> Iterator[Stored]:
    """Read the messages in these queues, the delayed ones first, at most so many."""
    return islice(_find(client, _all(queues)), most)


def _find(client: "Redis", names: Iterable[str]) -> Iterator[Stored]:
    for name in names:
        key = keys.queue(name)
        ids: list[Any] = client.hkeys(keys.messages_of(key))
        listed: set[Any] = set(client.lrange(key, 0, -1)) if ids else set()
        for batch in in_batches(ids, MESSAGES_BATCH):
            stored: list[Any] = client.hmget(keys.messages_of(key), batch)
            for one, message in zip(batch, stored, strict=True):
                if message is not None:
                    yield Stored(
                        one.decode(errors="replace"),
                        name.removesuffix(_DELAYED),
                        name.endswith(_DELAYED),
                        one not in listed,
                        message,
                    )


@dataclass(frozen=True, slots=True)
class RunNow:
    """A delayed message that is to run now: the message that it becomes, under a new id in Redis.

    `sqs_message_id` is empty for a message that did not come from SQS.
    """

    entry_id: str
    queue: str
    id: str
    message: bytes
    sqs_message_id: str


def run_now(client: "Redis", one: RunNow) -> bool:
    """Enqueue a delayed message at once; returns whether it was still delayed."""
    queue, delayed = keys.queue(one.queue), keys.queue(f"{one.queue}{_DELAYED}")
    entry = [keys.message(one.sqs_message_id)] if one.sqs_message_id else []
    moved = script(client, "queue_entries", "run_now")(
        keys=[delayed, keys.messages_of(delayed), queue, keys.messages_of(queue), *entry],
        args=[one.entry_id, one.id, one.message, one.queue, keys.NAMESPACE],
    )
    return bool(moved)


def find_attempts(client: "Redis", message_ids: Sequence[str]) -> list[int]:
    """Read how many attempts of each have begun without an orderly end."""
    if not message_ids:
        return []
    found: list[Any] = client.mget([keys.attempts(one) for one in message_ids])
    return [int(one) if one is not None and one.isdigit() else 0 for one in found]


def find_left(lines: Iterable[str], now_ms: int) -> list[Event]:
    """Of the story's lines, find what the bridges could not dispatch and have not got back. Pure.

    For each message the last such event, with the time of the first since anything else happened.
    """
    found: dict[str, Event] = {}
    first_ms: dict[str, int] = {}
    for line in lines:
        is_left = any(mark in line for mark in _MARKS)
        if not is_left and not found:
            continue
        event = read_line(line)
        if event is None or not event.sqs_message_id:
            continue
        if event.what in _LEFT:
            found[event.sqs_message_id] = event
            first_ms.setdefault(event.sqs_message_id, event.at_ms)
        else:
            found.pop(event.sqs_message_id, None)
            first_ms.pop(event.sqs_message_id, None)
    return [
        replace(event, at_ms=first_ms[message_id])
        for message_id, event in found.items()
        if event.what == _PARKED or event.at_ms > now_ms - _GONE_MS
    ]


def find_left_in(client: "Redis", now_ms: int) -> list[Event]:
    """Find the same in Redis."""
    return find_left(find_lines(client), now_ms)


def _all(queues: Sequence[str]) -> list[str]:
    return [*_delayed(queues), *queues]


def _delayed(queues: Sequence[str]) -> list[str]:
    return [f"{name}{_DELAYED}" for name in queues]
