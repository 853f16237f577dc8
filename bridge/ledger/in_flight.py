"""The messages in flight: dispatched, and not yet ended.

Redis may forget them at any time; SQS will redeliver them. The bridge dispatches (`dispatch.py`);
the workers note retries here and acknowledge (`acknowledgements.py`). Each step is one Lua script,
so it happens as a whole or not at all. The keys of one call may lie in different hash slots: Redis
Cluster is not supported.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bridge.ledger import keys
from bridge.ledger.keys import NAMESPACE
from bridge.ledger.proofs import unproved_handle
from bridge.ledger.scripts import script
from bridge.messages import Handle
from runtime.message_context import MessageContext, from_text

if TYPE_CHECKING:
    from redis import Redis

_LOOKUP_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Entry:
    """What Redis knows of a message: its state, the bridge that leases it, its newest handle, and
    the SQS queue that it came from.

    `is_lost` means that it should be in one of Dramatiq's queues but is in none: a retry could not
    be enqueued, or Redis was restored from an old copy.
    """

    is_in_flight: bool
    is_lost: bool
    bridge: str
    handle: Handle
    queue: str = ""
    about: MessageContext = field(default=MessageContext())


class InFlight:
    """The messages in flight. Errors of Redis pass through as `RedisError`."""

    def __init__(self, client: "Redis", lifetime_seconds: int) -> None:
        self._redis = client
        self._lifetime_ms = lifetime_seconds * 1000
        self._note_queue_entry = script(client, "queue_entries", "note_queue_entry")
        self._find = script(client, "queue_entries", "find")
        self._settle_charges = script(client, "lanes", "settle_charges")

    def note_queue_entry(self, message_id: str, *, entry_id: str, queue: str) -> None:
        """Note that a message in flight was enqueued again, under which id and in which queue."""
        self._note_queue_entry(keys=[keys.message(message_id)], args=[entry_id, queue, NAMESPACE])

    def count(self, now_ms: int) -> int:
        """Count the messages in flight, over all bridges."""
        counted: int = self._redis.zcount(keys.IN_FLIGHT, now_ms - self._lifetime_ms, "+inf")
        return counted

    def count_of(self, queue: str, now_ms: int) -> int:
        """Count the messages in flight that came from one SQS queue."""
        oldest_ms = now_ms - self._lifetime_ms
        members: list[Any] = self._redis.zrangebyscore(keys.IN_FLIGHT, oldest_ms, "+inf")
        with self._redis.pipeline(transaction=False) as pipeline:
            for member in members:
                pipeline.hget(keys.message(member.decode()), "queue")
            queues: list[Any] = pipeline.execute()
        return queues.count(queue.encode())

    def find_all(self) -> dict[str, Entry | None]:
        """Find all messages in flight, by id; None for one that Redis has forgotten since."""
        members: list[Any] = self._redis.zrange(keys.IN_FLIGHT, 0, -1)
        ids = [member.decode() for member in members]
        return dict(zip(ids, self.find(ids), strict=True))

    def drop_lost(self, found: Mapping[str, Entry | None]) -> None:
        """Of messages in flight, drop those that are lost, whichever bridge leased them.

        If they took up all the room, no bridge would receive, and none would recover them. One that
        is dispatched again meanwhile goes uncounted, which is harmless.
        """
        if lost := [name for name, entry in found.items() if entry is None or entry.is_lost]:
            self._redis.zrem(keys.IN_FLIGHT, *lost)

    def settle_charges(self) -> None:
        """End what lanes are charged for messages that are no longer in flight.

        Their lifetime is over, they were dropped, or an older version's worker acknowledged them.
        """
        cursor = b"0"
        while True:
            cursor = self._settle_charges(
                keys=[keys.IN_FLIGHT, *keys.OF_LANES], args=[cursor, _LOOKUP_BATCH]
            )
            if int(cursor) == 0:
                return

    def find_oldest_ms(self, now_ms: int) -> int | None:
        """Find when the oldest message in flight was dispatched; None if nothing is in flight."""
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
        """Look messages up, a thousand in a round trip; None for those that Redis doesn't know."""
        found: list[Entry | None] = []
        for start in range(0, len(message_ids), _LOOKUP_BATCH):
            batch = message_ids[start : start + _LOOKUP_BATCH]
            replies = self._find(keys=[keys.message(name) for name in batch], args=[NAMESPACE])
            found += [_entry(name, *reply) for name, reply in zip(batch, replies, strict=True)]
        return found


def _entry(
    message_id: str, state: Any, bridge: Any, handle: Any, queue: Any, lost: int, about: bytes
) -> Entry | None:
    if state is None:
        return None
    return Entry(
        is_in_flight=state == b"enqueued",
        is_lost=bool(lost),
        bridge=(bridge or b"").decode(),
        handle=unproved_handle(message_id, (handle or b"").decode()),
        queue=(queue or b"").decode(),
        about=from_text(message_id, about.decode(errors="replace")),
    )
