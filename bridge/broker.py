"""The Redis connection and the Dramatiq broker, set up alike in the bridge and in the workers."""

from collections.abc import Iterable

import dramatiq
import redis
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.retry import Retry

from bridge.consumer import FrugalBroker

NAMESPACE = "dramatiq"
"""What the names of Dramatiq's keys begin with."""

DEAD_LETTER_TTL_MS = 30 * 24 * 3600 * 1000
"""How long Redis keeps a dead letter: SQS's longest retention (14 days), twice and a bit."""

_SOCKET_SECONDS = 5
_CONNECT_SECONDS = 3
_IMPATIENT_SECONDS = 2

_HEARTBEAT_TIMEOUT_MS = 15_000
_MAINTENANCE_CHANCE = 1_000_000
"""Out of a million commands, so many look for the messages of dead workers: all. With Dramatiq's
own 1,000 a killed worker's messages came back after anything from one minute to half an hour."""


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


def connect_impatiently(redis_url: str) -> "redis.Redis":
    """Connect to Redis for what may fail but not wait: a call lasts two seconds at most."""
    return redis.Redis.from_url(
        redis_url,
        socket_timeout=_IMPATIENT_SECONDS,
        socket_connect_timeout=_IMPATIENT_SECONDS,
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


def make_broker(redis_url: str, middleware: Iterable[dramatiq.Middleware] = ()) -> FrugalBroker:
    """Make the broker. Without actors it can still enqueue, by their names."""
    return FrugalBroker(
        client=connect(redis_url),
        middleware=list(middleware),
        namespace=NAMESPACE,
        heartbeat_timeout=_HEARTBEAT_TIMEOUT_MS,
        maintenance_chance=_MAINTENANCE_CHANCE,
        dead_message_ttl=DEAD_LETTER_TTL_MS,
    )
