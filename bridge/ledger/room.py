"""Whether Redis has room for more messages. Bridges stop receiving before it is full.

A full Redis refuses the workers' steps, too: what is in flight could neither end nor be retried,
and nothing would make room. So a tenth of its memory is left to them.
"""

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from redis import Redis

NEARLY_FULL = 0.9
"""The share of its memory at which bridges stop receiving."""

_CHECK_SECONDS = 1.0


def share_used(memory: Mapping[str, int]) -> float:
    """Return how full Redis is, by its `INFO memory`, as it reckons itself; 0 without a limit."""
    at_most = int(memory.get("maxmemory", 0))
    uncounted = int(memory.get("mem_not_counted_for_evict", 0))
    return (int(memory["used_memory"]) - uncounted) / at_most if at_most else 0.0


class Room:
    """The room in Redis. Asks once a second at most; errors of Redis pass through."""

    def __init__(self, client: "Redis", *, clock: Callable[[], float] = time.monotonic) -> None:
        self._redis = client
        self._clock = clock
        self._checked_at = float("-inf")
        self._is_left = True

    def is_left(self) -> bool:
        """Tell whether Redis has room for another batch of messages."""
        now = self._clock()
        if now - self._checked_at >= _CHECK_SECONDS:
            self._is_left = share_used(self._redis.info("memory")) < NEARLY_FULL
            self._checked_at = now
        return self._is_left
