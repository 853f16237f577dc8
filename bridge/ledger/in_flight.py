"""In-flight bookkeeping: what lies between SQS and its actor.

Redis may forget it at any time; SQS will remind us. Two sides write here: the bridge hands messages
on (`handover.py`), the worker's middleware notes retries and acknowledges. Each step is one Lua
script, and so happens whole or not at all. The keys of one call need not lie in one hash
slot: Redis Cluster is not supported.
"""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.ledger import keys
from bridge.ledger.acknowledgements import Acknowledgement
from bridge.ledger.dead_letters import DEAD_LETTER_TTL_MS
from bridge.ledger.keys import NAMESPACE
from bridge.ledger.scripts import script
from bridge.messages import Handle

if TYPE_CHECKING:
    from redis import Redis

_FIND_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Entry:
    """What Redis holds of a message: is it still in flight, whose is it, by which handle.

    `is_lost` tells that it should be in one of Dramatiq's queues, and is in none: a retry could not
    be enqueued, or Redis came back with a part of what it had.
    """

    is_in_flight: bool
    is_lost: bool
    bridge: str
    handle: Handle


class InFlight:
    """The bookkeeping, as both sides use it. Errors of Redis pass through as `RedisError`."""

    def __init__(self, client: "Redis", lifetime_seconds: int) -> None:
        self._redis = client
        self._lifetime_ms = lifetime_seconds * 1000
        self._note_queue_entry = script(client, "queue_entries", "note_queue_entry")
        self._reserve = script(client, "reserve")
        self._find = script(client, "queue_entries", "find")
        self._acknowledge = script(client, "acknowledge")

    def note_queue_entry(self, message_id: str, *, copy: str, queue: str) -> None:
        """Note that a message in flight was enqueued anew, as which copy, in which queue."""
        self._note_queue_entry(keys=[keys.message(message_id)], args=[copy, queue, NAMESPACE])

    def reserve(
        self, wanted: int, *, bridge: str, at_most: int, now_ms: int, seconds: float
    ) -> int:
        """Reserve room for messages that `bridge` is about to receive; says for how many.

        The reservation holds for `seconds`, or until the bridge's next one. With it, there are
        never more than `at_most` messages in flight, however many bridges there are.
        """
        granted: int = self._reserve(
            keys=[keys.IN_FLIGHT, keys.RESERVED],
            args=[
                *(bridge, wanted, at_most, now_ms),
                *(self._lifetime_ms, now_ms + int(seconds * 1000)),
            ],
        )
        return granted

    def count(self, now_ms: int) -> int:
        """Count the messages in flight, all bridges together."""
        counted: int = self._redis.zcount(keys.IN_FLIGHT, now_ms - self._lifetime_ms, "+inf")
        return counted

    def count_of(self, queue: str, now_ms: int) -> int:
        """Count the messages in flight that came from one SQS queue."""
        oldest_ms = now_ms - self._lifetime_ms
        members: list[Any] = self._redis.zrangebyscore(keys.IN_FLIGHT, oldest_ms, "+inf")
        with self._redis.pipeline(transaction=False) as pipeline:
            for one in members:
                pipeline.hget(keys.message(one.decode()), "queue")
            queues: list[Any] = pipeline.execute()
        return queues.count(queue.encode())

    def make_room(self) -> None:
        """Take what is lost from those in flight, whosever it was.

        Where all room is theirs, nobody would receive any more, and so nobody would find them. One
        that is handed on again between these calls is not counted then, which does no harm.
        """
        members: list[Any] = self._redis.zrange(keys.IN_FLIGHT, 0, -1)
        ids = [one.decode() for one in members]
        found = zip(ids, self.find(ids), strict=True)
        if lost := [one for one, entry in found if entry is None or entry.is_lost]:
            self._redis.zrem(keys.IN_FLIGHT, *lost)

    def find_oldest_ms(self, now_ms: int) -> int | None:
        """Look up when the oldest message in flight was handed on; None if there is none."""
        found = self._redis.zrange(
            keys.IN_FLIGHT,
            now_ms - self._lifetime_ms,
            "+inf",
            byscore=True,
            offset=0,
            num=1,
            withscores=True,
        )
        return int(found[0][1]) if found else None

    def find(self, message_ids: list[str]) -> list[Entry | None]:
        """Look up messages, a thousand in a round trip; None for what Redis does not know."""
        found: list[Entry | None] = []
        for start in range(0, len(message_ids), _FIND_AT_ONCE):
            some = message_ids[start : start + _FIND_AT_ONCE]
            replies = self._find(keys=[keys.message(one) for one in some], args=[NAMESPACE])
            found += [_read_entry(one, *reply) for one, reply in zip(some, replies, strict=True)]
        return found

    def acknowledge(
        self,
        message_id: str,
        *,
        actor_queue: str,
        failure: str | None,
        dead_letter_id: str = "",
        forget_attempts: bool = True,
    ) -> bool:
        """Acknowledge a message whose actor has ended; False if that was done before.

        `failure` names why it was dead-lettered, None that it succeeded. An earlier dead letter
        of the message is removed. `forget_attempts` is false for a message that may not run again.
        """
        dead_letters = keys.dead_letters(actor_queue)
        return bool(
            self._acknowledge(
                keys=[
                    keys.message(message_id),
                    keys.IN_FLIGHT,
                    keys.attempts(message_id),
                    keys.dead_letter_of(message_id),
                    dead_letters,
                    keys.messages_of(dead_letters),
                    keys.messages_of(keys.queue(actor_queue)),
                ],
                args=[
                    message_id,
                    "done" if failure is None else "failed",
                    self._lifetime_ms,
                    failure or "",
                    dead_letter_id,
                    DEAD_LETTER_TTL_MS,
                    int(forget_attempts),
                    keys.ACKNOWLEDGEMENTS,
                ],
            )
        )

    def count_attempt(self, message_id: str) -> int:
        """Count a start of the message's actor; returns how many there were without an end."""
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.incr(keys.attempts(message_id))
            pipeline.pexpire(keys.attempts(message_id), DEAD_LETTER_TTL_MS)
            starts: int = pipeline.execute()[0]
        return starts

    def forget_attempts(self, message_id: str) -> None:
        """Note that an attempt ended in order, whatever its result."""
        self._redis.delete(keys.attempts(message_id))

    def take_acknowledgements(
        self, queue: str, at_most: int, wait_seconds: float, linger_seconds: float = 0
    ) -> list[Acknowledgement]:
        """Take acknowledgements off the list, waiting for a first one, and a little for more.

        Losing one is harmless: SQS delivers the message again, and it is found done.
        """
        name = keys.ACKNOWLEDGEMENTS + queue
        first = self._redis.blpop([name], timeout=wait_seconds)
        if first is None:
            return []
        time.sleep(linger_seconds)
        rest = self._redis.lpop(name, at_most - 1) or [] if at_most > 1 else []
        return [Acknowledgement.from_json(text) for text in [first[1], *rest]]

    def give_back(self, queue: str, acknowledgements: list[Acknowledgement]) -> None:
        """Put acknowledgements back on the list, for whoever takes them next."""
        texts = [acknowledgement.to_json() for acknowledgement in acknowledgements]
        self._redis.rpush(keys.ACKNOWLEDGEMENTS + queue, *texts)

    def count_acknowledgements(self, queue: str) -> int:
        """Count what waits to be taken."""
        counted: int = self._redis.llen(keys.ACKNOWLEDGEMENTS + queue)
        return counted


def _read_entry(message_id: str, state: Any, bridge: Any, handle: Any, lost: int) -> Entry | None:
    if state is None:
        return None
    return Entry(
        is_in_flight=state == b"enqueued",
        is_lost=bool(lost),
        bridge=(bridge or b"").decode(),
        handle=Handle(message_id, (handle or b"").decode()),
    )
