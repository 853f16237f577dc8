"""Which circuit breakers are open, Redis's own included.

Nobody can store in Redis that Redis fails: whoever asks finds out, and says since when it knows.
"""

from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from bridge.ledger.room import NEARLY_FULL, share_used
from runtime.breakers import OpenBreaker, find_all_open
from runtime.dependencies import Dependency

if TYPE_CHECKING:
    from redis import Redis

FULL, READ_ONLY = "OOM", "READONLY"
"""What Redis answers to writes when it is full, or a replica."""


class OpenBreakers:
    """Finds the open breakers; knows since when this process has found Redis failing."""

    def __init__(self) -> None:
        self._since_ms: int | None = None

    def find(self, client: "Redis", now_ms: int) -> list[OpenBreaker]:
        """Find them, the oldest first. Raises no error: a Redis that fails is one of them."""
        try:
            code, others = _redis_fault(client), find_all_open(client, now_ms)
        except RedisError as error:
            code, others = type(error).__name__, []
        if code is None:
            self._since_ms = None
            return others
        if self._since_ms is None:
            self._since_ms = now_ms
        return [OpenBreaker(Dependency.REDIS, code, self._since_ms), *others]


def _redis_fault(client: "Redis") -> str | None:
    if client.info("replication").get("role") == "slave":
        return READ_ONLY
    return FULL if share_used(client.info("memory")) >= NEARLY_FULL else None


open_breakers = OpenBreakers()
"""This process's."""
