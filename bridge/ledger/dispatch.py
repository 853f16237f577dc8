"""Hands messages on to the workers: notes and enqueues each in one step, a batch in one call.

Dramatiq's own `enqueue` would be a step by itself, and a bridge may die between two steps. So this
writes into Dramatiq's queue what its broker would write there.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import dramatiq
from redis.exceptions import RedisError

from bridge.ledger import keys
from bridge.ledger.keys import NAMESPACE
from bridge.ledger.scripts import script
from bridge.messages import Handle

if TYPE_CHECKING:
    from redis import Redis


class Dispatched(StrEnum):
    """What became of a message; see `lua/dispatch.lua`."""

    ENQUEUED = "enqueued"
    IN_FLIGHT = "in_flight"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Work:
    """A message on its way: as SQS delivered it, and as the workers get it."""

    handle: Handle
    work: dramatiq.Message[None]


class Dispatcher:
    """Hands on what `bridge` received from the SQS queue `queue`.

    With `is_replay` it is forgotten how often a message killed its worker: an operator says
    that it may run. But only once: it may do so again.
    """

    def __init__(
        self,
        client: "Redis",
        lifetime_seconds: int,
        *,
        bridge: str,
        queue: str,
        is_replay: bool = False,
    ) -> None:
        self._redis = client
        self._lifetime_ms = lifetime_seconds * 1000
        self._bridge = bridge
        self._queue = queue
        self._is_second_chance = is_replay
        self._script = script(client, "queue_entries", "dispatch")

    def dispatch(self, parcels: Sequence[Work], now_ms: int) -> list[Dispatched | RedisError]:
        """Hand messages on; for each what became of it, or Redis's reason not to take this one.

        Raises `RedisError` when it takes none. Doing it again does no harm.
        """
        if not parcels:
            return []
        with self._redis.pipeline(transaction=False) as pipeline:
            for parcel in parcels:
                self._add(parcel, now_ms, pipeline)
            replies: list[Any] = pipeline.execute(raise_on_error=False)
        handed = [
            reply if isinstance(reply, RedisError) else Dispatched(reply.decode())
            for reply in replies
        ]
        failures = [reply for reply in handed if isinstance(reply, RedisError)]
        if len(failures) == len(handed):
            raise failures[0]
        return handed

    def _add(self, parcel: Work, now_ms: int, pipeline: Any) -> None:
        copy = parcel.work.copy(options={"redis_message_id": str(uuid.uuid4())})
        message_id, queue = parcel.handle.message_id, keys.queue(copy.queue_name)
        self._script(
            keys=[
                keys.message(message_id),
                keys.IN_FLIGHT,
                queue,
                keys.messages_of(queue),
                keys.starts(message_id),
            ],
            args=[
                *(message_id, parcel.handle.receipt_handle, self._bridge, self._queue),
                *(now_ms, self._lifetime_ms, NAMESPACE),
                *(copy.options["redis_message_id"], copy.encode(), int(self._is_second_chance)),
            ],
            client=pipeline,
        )
