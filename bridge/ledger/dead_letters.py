"""Dead letters in Redis: read in batches, requeued, or deleted.

A dead letter is where Dramatiq put it: its id in a sorted set by time of death, its message in a
hash. Workers, Dramatiq's maintenance and other operators change both at any time, so readers skip
what has gone. Errors of Redis pass through as `RedisError`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar, cast

from bridge.ledger import keys
from bridge.ledger.scripts import script

if TYPE_CHECKING:
    from redis import Redis

DEAD_LETTER_TTL_MS = 30 * 24 * 3600 * 1000
"""How long Redis keeps a dead letter: a little over twice SQS's longest retention (14 days)."""

NOTE = "dead_letter"
"""The option of a dead letter that holds its note: `reason` (see `failure_reasons`), `error_type`,
`error_code` (AWS's or PostgreSQL's), `attempts`, and `traceback`, a list of lines without the
exceptions' texts, since those may quote a mail."""

PLACES_BATCH = 2_000
"""How many ids or reasons one round trip reads."""

MESSAGES_BATCH = 100
"""How many messages one round trip reads or moves; each may be as large as SQS allows."""

_MAX_MS = 253_402_300_799_999
"""The end of the year 9999."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a dead letter is, and when it died."""

    queue: str
    id: str
    died_at_ms: int


@dataclass(frozen=True, slots=True)
class Requeue:
    """A dead letter to requeue: the message that it becomes, under a new id in Redis.

    `sqs_message_id` is empty for a message that did not come from SQS.
    """

    place: Place
    id: str
    message: bytes
    sqs_message_id: str


class Requeued(StrEnum):
    """The result of requeueing a dead letter; see `lua/requeue.lua`."""

    REQUEUED = "requeued"
    GONE = "gone"
    IN_FLIGHT = "in_flight"
    DONE = "done"


class DeadLetters:
    """The dead letters of all queues. A requeued message is in flight for `lifetime_seconds`."""

    def __init__(self, client: "Redis", lifetime_seconds: int) -> None:
        self._redis = client
        self._lifetime_ms = lifetime_seconds * 1000
        self._requeue = script(client, "dead_letters", "requeue")
        self._delete = script(client, "dead_letters", "delete_dead_letter")

    def places(
        self, queue: str, newest_ms: float = float("inf"), oldest_ms: float = float("-inf")
    ) -> Iterator[Place]:
        """Iterate over a queue's dead letters, newest first, while others may change them.

        Letters added during iteration are skipped, so a requeue loop terminates.
        """
        key, seen_at_bound = keys.dead_letters(queue), set[str]()
        bound = newest_ms
        while True:
            # The next slice begins at the millisecond where the last one ended: it may hold more
            # letters than fit into one slice.
            slice_ = self._slice(key, bound, oldest_ms, PLACES_BATCH + len(seen_at_bound))
            fresh = [(name, score) for name, score in slice_ if name not in seen_at_bound]
            if not fresh:
                return
            yield from (Place(queue, name, _whole(score)) for name, score in fresh)
            if fresh[-1][1] != bound:
                bound, seen_at_bound = fresh[-1][1], set()
            seen_at_bound |= {name for name, score in fresh if score == bound}

    def find(self, queues: Iterable[str], dead_letter_id: str) -> Place | None:
        """Find one dead letter by its id."""
        for queue in queues:
            score = self._redis.zscore(keys.dead_letters(queue), dead_letter_id)
            if score is not None:
                return Place(queue, dead_letter_id, _whole(score))
        return None

    def find_id_of(self, sqs_message_id: str) -> str | None:
        """Find the id of an SQS message's dead letter."""
        found = cast("bytes | None", self._redis.get(keys.dead_letter_of(sqs_message_id)))
        return found.decode(errors="replace") if found is not None else None

    def count(self, queue: str, newest_ms: float, oldest_ms: float) -> int:
        """Count the dead letters of a queue that died between two times."""
        counted: int = self._redis.zcount(keys.dead_letters(queue), oldest_ms, newest_ms)
        return counted

    def reasons(self, places: Sequence[Place]) -> list[str | None]:
        """Read each one's reason; None where none was noted."""
        if not places:
            return []
        found: list[Any] = self._redis.mget([keys.reason_of(place.id) for place in places])
        return [reason.decode(errors="replace") if reason is not None else None for reason in found]

    def messages(self, places: Sequence[Place]) -> list[bytes | None]:
        """Read the messages as stored; None for a dead letter that is gone."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for place in places:
                pipeline.hget(keys.messages_of(keys.dead_letters(place.queue)), place.id)
            found: list[bytes | None] = pipeline.execute()
        return found

    def requeue(self, requeues: Sequence[Requeue], now_ms: int) -> list[Requeued]:
        """Requeue each, unless its message is in flight or done."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for requeue in requeues:
                self._requeue(
                    keys=[*_keys_of_dead_letter(requeue.place), *_keys_of_requeue(requeue)],
                    args=[
                        requeue.place.id,
                        requeue.id,
                        requeue.message,
                        requeue.sqs_message_id,
                        now_ms,
                        self._lifetime_ms,
                        DEAD_LETTER_TTL_MS,
                    ],
                    client=pipeline,
                )
            return [Requeued(reply.decode()) for reply in pipeline.execute()]

    def delete(self, letters: Sequence[tuple[Place, str]]) -> list[bool]:
        """Delete dead letters, each with its SQS message id or ''; False for one already gone."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for place, sqs_message_id in letters:
                from_sqs = [keys.dead_letter_of(sqs_message_id)] if sqs_message_id else []
                self._delete(
                    keys=[*_keys_of_dead_letter(place), *from_sqs],
                    args=[place.id],
                    client=pipeline,
                )
            return [bool(reply) for reply in pipeline.execute()]

    def _slice(
        self, key: str, newest_ms: float, oldest_ms: float, at_most: int
    ) -> list[tuple[str, float]]:
        found: list[Any] = self._redis.zrevrangebyscore(
            key, newest_ms, oldest_ms, start=0, num=at_most, withscores=True
        )
        return [(name.decode(errors="replace"), score) for name, score in found]


def in_batches(things: Iterable[T], size: int) -> Iterator[list[T]]:
    """Cut into lists of at most `size`."""
    rest = iter(things)
    while batch := list(islice(rest, size)):
        yield batch


def _whole(score: float) -> int:
    """Return the milliseconds; of a score that somebody else wrote, the nearest that can be."""
    return int(min(max(score, 0), _MAX_MS))


def _keys_of_dead_letter(place: Place) -> list[str]:
    dead_letters = keys.dead_letters(place.queue)
    return [
        dead_letters,
        keys.messages_of(dead_letters),
        keys.reason_of(place.id),
        keys.DEAD_LETTER_BYTES,
    ]


def _keys_of_requeue(requeue: Requeue) -> list[str]:
    queue, sqs_id = keys.queue(requeue.place.queue), requeue.sqs_message_id
    into = [queue, keys.messages_of(queue)]
    if not sqs_id:
        return into
    return [
        *into,
        keys.message(sqs_id),
        keys.IN_FLIGHT,
        keys.attempts(sqs_id),
        keys.dead_letter_of(sqs_id),
    ]
