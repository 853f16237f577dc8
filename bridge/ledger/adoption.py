"""Adoption: a bridge takes over the messages in flight of one that is gone.

The ledger knows their receipt handles, so that they stay hidden and need not be received again.
Each bridge leaves a sign of life in Redis, which expires. Errors of Redis pass through as
`RedisError`.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from bridge.ledger import keys
from bridge.ledger.in_flight import Entry
from bridge.ledger.proofs import unproved_handle
from bridge.ledger.scripts import script
from bridge.messages import Handle

if TYPE_CHECKING:
    from redis import Redis


class Adoption:
    """The messages that `bridge` takes over, of those that came from the SQS queue `queue`."""

    def __init__(self, client: "Redis", *, bridge: str, queue: str) -> None:
        self._redis = client
        self._bridge = bridge
        self._queue = queue
        self._adopt = script(client, "adopt")

    def stay(self, seconds: float) -> None:
        """Leave a sign of life: nobody takes this bridge's messages for so long."""
        self._redis.set(keys.bridge(self._bridge), 1, px=int(seconds * 1000))

    def leave(self) -> None:
        """Let others take this bridge's messages at once."""
        self._redis.delete(keys.bridge(self._bridge))

    def adopt(self, entries: Iterable[Entry], leased: Collection[str]) -> list[Handle]:
        """Take over what has no live bridge; returns the handles.

        Also what counts as this bridge's and isn't among its `leased` ids: an operator requeued it,
        or the answer to its dispatch was lost.
        """
        orphans = list(self._orphans(entries, leased))
        with self._redis.pipeline(transaction=False) as pipeline:
            for entry in orphans:
                self._adopt(
                    keys=[keys.message(entry.handle.message_id), keys.bridge(entry.bridge)],
                    args=[self._bridge, entry.bridge],
                    client=pipeline,
                )
            found: list[Any] = pipeline.execute()
        return [
            unproved_handle(entry.handle.message_id, handle.decode())
            for entry, handle in zip(orphans, found, strict=True)
            if handle is not None
        ]

    def _orphans(self, entries: Iterable[Entry], leased: Collection[str]) -> Iterator[Entry]:
        ours = [one for one in entries if one.is_in_flight and one.queue == self._queue]
        bridges = sorted({entry.bridge for entry in ours} - {self._bridge})
        with self._redis.pipeline(transaction=False) as pipeline:
            for bridge in bridges:
                pipeline.exists(keys.bridge(bridge))
            alive = dict(zip(bridges, pipeline.execute(), strict=True))
        for entry in ours:
            is_leased = entry.bridge == self._bridge and entry.handle.message_id in leased
            if not is_leased and not alive.get(entry.bridge):
                yield entry
