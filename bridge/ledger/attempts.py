"""Delivery attempts: how often a message was given to a worker and came to no orderly end."""

from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError

from bridge.ledger import keys
from bridge.ledger.dead_letters import DEAD_LETTER_TTL_MS
from bridge.ledger.scripts import script
from bridge.ledger.story import UNTOLD, Event, Story

if TYPE_CHECKING:
    from redis import Redis


class DeliveryAttempts:
    """The attempts of each message. Errors of Redis pass through as `RedisError`."""

    def __init__(self, client: "Redis", story: Story = UNTOLD) -> None:
        self._redis = client
        self._story = story
        self._begin = script(client, "story", "begin_attempt")

    def record(self, message_id: str, worker: str = "") -> int:
        """Record an attempt that begins; returns how many have begun without an orderly end."""
        attempts: int = self._begin(
            keys=[keys.attempts(message_id), keys.STORY],
            args=[DEAD_LETTER_TTL_MS, message_id, worker, self._story.most],
        )
        return attempts

    def take_back(self, message_id: str, why: str = "") -> None:
        """Uncount an attempt that ended in order, but did not get to the work.

        `why` is the reason and the attempt's steps, for its story.
        """
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.decr(keys.attempts(message_id))
            pipeline.pexpire(keys.attempts(message_id), DEAD_LETTER_TTL_MS)
            self._tell_end(pipeline, message_id, why)
            _execute(pipeline)

    def forget(self, message_id: str, why: str = "") -> None:
        """Reset the count: the work ran and ended in order, whatever its result."""
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.delete(keys.attempts(message_id))
            self._tell_end(pipeline, message_id, why)
            _execute(pipeline)

    def _tell_end(self, pipeline: Any, message_id: str, why: str) -> None:
        if why:
            self._story.add(pipeline, Event(0, "attempt_failed", message_id, detail=why))


def _execute(pipeline: Any) -> None:
    """Execute it. The story comes last, and its errors don't count."""
    first = pipeline.execute(raise_on_error=False)[0]
    if isinstance(first, RedisError):
        raise first
