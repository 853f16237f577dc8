"""The web process's connection to Redis: one that rather fails than keeps somebody waiting."""

from functools import cache
from typing import TYPE_CHECKING

import redis

if TYPE_CHECKING:
    from redis import Redis

_SECONDS = 2


@cache
def impatient_redis(url: str) -> "Redis":
    """Connect to Redis for somebody who watches: each call fails within two seconds or so."""
    return redis.Redis.from_url(
        url,
        socket_timeout=_SECONDS,
        socket_connect_timeout=_SECONDS,
        socket_keepalive=True,
        health_check_interval=30,
    )
