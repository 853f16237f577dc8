"""Connections to Redis, set up alike in every process, and what Redis must be set to."""

import redis
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.retry import Retry

_SOCKET_SECONDS = 5
_CONNECT_SECONDS = 3
_FAIL_FAST_SECONDS = 2


def connect(redis_url: str) -> "redis.Redis":
    """Connect to Redis. Every call has a timeout, and one that timed out is retried.

    Dramatiq retries an acknowledgement after a ConnectionError but not after a TimeoutError, a
    separate class in redis-py. So the connection itself retries both.
    """
    return redis.Redis.from_url(
        redis_url,
        socket_timeout=_SOCKET_SECONDS,
        socket_connect_timeout=_CONNECT_SECONDS,
        socket_keepalive=True,
        health_check_interval=30,
        retry=Retry(ExponentialWithJitterBackoff(cap=1, base=0.05), retries=3),
        retry_on_error=[redis.ConnectionError, redis.TimeoutError],
    )


def connect_fail_fast(redis_url: str) -> "redis.Redis":
    """Connect to Redis for interactive pages: a call fails within two seconds, without retries."""
    return redis.Redis.from_url(
        redis_url,
        socket_timeout=_FAIL_FAST_SECONDS,
        socket_connect_timeout=_FAIL_FAST_SECONDS,
        socket_keepalive=True,
        health_check_interval=30,
        retry=Retry(NoBackoff(), retries=0),
    )


class RedisUnusable(Exception):
    """Redis is available but set up in a way that loses mail; the text says how."""


def check_redis(client: "redis.Redis") -> None:
    """Raise `RedisUnusable` if Redis may evict keys when its memory runs short.

    A message whose key was evicted waits until its lifetime is over. Errors of Redis pass through.
    """
    memory: dict[str, object] = client.info("memory")
    policy = memory.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        raise RedisUnusable(f"Redis has maxmemory-policy {policy}: it must be noeviction")
