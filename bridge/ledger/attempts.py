"""Delivery attempts: how often a message was given to a worker and came to no orderly end."""

from typing import TYPE_CHECKING

from bridge.ledger import keys
from bridge.ledger.dead_letters import DEAD_LETTER_TTL_MS

if TYPE_CHECKING:
    from redis import Redis


class DeliveryAttempts:
    """The attempts of each message. Errors of Redis pass through as `RedisError`."""

    def __init__(self, client: "Redis") -> None:
        self._redis = client

    def record(self, message_id: str) -> int:
        """Record an attempt that begins; returns how many have begun without an orderly end."""
        key = keys.attempts(message_id)
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.incr(key)
            pipeline.pexpire(key, DEAD_LETTER_TTL_MS)
            attempts: int = pipeline.execute()[0]
        return attempts

    def take_back(self, message_id: str) -> None:
        """Uncount an attempt that ended in order, but did not get to the work."""
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.decr(keys.attempts(message_id))
            pipeline.pexpire(keys.attempts(message_id), DEAD_LETTER_TTL_MS)
            pipeline.execute()

    def forget(self, message_id: str) -> None:
        """Reset the count: the work ran and ended in order, whatever its result."""
        self._redis.delete(keys.attempts(message_id))
