"""Dispatches messages to the workers: records and enqueues each in one step, a batch in one call.

Dramatiq's own `enqueue` would be a separate step, and a bridge may die between two steps. So this
module writes to Dramatiq's queue what Dramatiq's broker would write.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import dramatiq
from redis.exceptions import NoScriptError, RedisError

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
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Work:
    """A message to dispatch: its handle in SQS, and the Dramatiq message for the workers."""

    handle: Handle
    message: dramatiq.Message[None]


class Dispatcher:
    """Dispatches what `bridge` received from the SQS queue `queue`.

    With `is_replay` an operator allows messages that failed to run again. For those that killed
    their workers, the delivery attempts are reset, once per message.
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
        self._is_replay = is_replay
        self._script = script(client, "queue_entries", "dispatch")

    def dispatch(self, batch: Sequence[Work], now_ms: int) -> list[Dispatched | RedisError]:
        """Dispatch messages; returns for each what became of it, or the error of Redis.

        Raises `RedisError` if Redis took none. Repeating the call is harmless.
        """
        if not batch:
            return []
        replies = self._call(batch, now_ms)
        if any(isinstance(reply, NoScriptError) for reply in replies):
            # The pipeline was repeated on a new connection, to a server without the script.
            replies = self._call(batch, now_ms)
        dispatched = [
            reply if isinstance(reply, RedisError) else Dispatched(reply.decode())
            for reply in replies
        ]
        failures = [reply for reply in dispatched if isinstance(reply, RedisError)]
        if len(failures) == len(dispatched):
            raise failures[0]
        return dispatched

    def _call(self, batch: Sequence[Work], now_ms: int) -> list[Any]:
        with self._redis.pipeline(transaction=False) as pipeline:
            for work in batch:
                self._add(work, now_ms, pipeline)
            return pipeline.execute(raise_on_error=False)

    def _add(self, work: Work, now_ms: int, pipeline: Any) -> None:
        message = work.message.copy(options={"redis_message_id": str(uuid.uuid4())})
        message_id, queue = work.handle.message_id, keys.queue(message.queue_name)
        self._script(
            keys=[
                keys.message(message_id),
                keys.IN_FLIGHT,
                queue,
                keys.messages_of(queue),
                keys.attempts(message_id),
                keys.dead_letter_of(message_id),
                keys.messages_of(keys.dead_letters(message.queue_name)),
            ],
            args=[
                *(message_id, work.handle.receipt_handle, self._bridge, self._queue),
                *(now_ms, self._lifetime_ms, NAMESPACE),
                *(
                    message.options["redis_message_id"],
                    message.encode(),
                    int(self._is_replay),
                    keys.FAILED_TTL_MS,
                ),
            ],
            client=pipeline,
        )
