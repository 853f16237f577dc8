"""Connections to Redis, set up alike in every process, and what Redis must be set to."""

import redis
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.retry import Retry

_SOCKET_SECONDS = 5
_CONNECT_SECONDS = 3
_FAIL_FAST_SECONDS = 2


def connect(redis_url: str) -> "redis.Redis":
    """Connect to Redis. No call waits for ever, and one that timed out is tried again.

    Dramatiq retries an acknowledgement that met a ConnectionError, but not a TimeoutError, which
    in redis-py is another class; so the connection itself retries both.
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
    """Connect to Redis for what may fail but not wait: a call lasts two seconds at most."""
    return redis.Redis.from_url(
        redis_url,
        socket_timeout=_FAIL_FAST_SECONDS,
        socket_connect_timeout=_FAIL_FAST_SECONDS,
        socket_keepalive=True,
        health_check_interval=30,
        retry=Retry(NoBackoff(), retries=0),
    )


class RedisUnusable(Exception):
    """Redis is there but must not be used as it is set up; the text says why."""


def check_redis(client: "redis.Redis") -> None:
    """Raise `RedisUnusable` if Redis may throw keys away when its memory runs short.

    A lost key here is a message that waits for its lifetime to end. Errors of Redis pass through.
    """
    memory: dict[str, object] = client.info("memory")
    policy = memory.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        raise RedisUnusable(f"Redis has maxmemory-policy {policy}: it must be noeviction")
