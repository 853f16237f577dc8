"""Reads the relay's present state. A source that can't be read leaves its numbers unknown."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from bridge.ledger.heartbeats import Heartbeat, Heartbeats
from bridge.ledger.in_flight import InFlight
from bridge.ports import QueueCounts, QueueUnavailable, QueueUnusable
from relay.config import RelayConfig
from relay.operations import held_gauges, history
from relay.operations.fail_fast import connect_queue, fail_fast_redis
from relay.operations.gauges import Gauge, in_flight_gauges, redis_gauges
from relay.operations.open_breakers import open_breakers
from runtime.breakers import OpenBreaker
from runtime.tally import find_counts

if TYPE_CHECKING:
    from redis import Redis

TALLIED_MINUTES = 10

_SQS_KEPT_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class FromRedis:
    """From Redis: open circuit breakers, gauges, heartbeats, counts per minute (oldest first), last
    sample's minute.
    """

    breakers: list[OpenBreaker]
    gauges: list[Gauge]
    heartbeats: list[Heartbeat]
    first_minute: int
    counts: list[dict[str, int]]
    sampled_minute: int | None

    def has(self, name: str) -> bool:
        """Return whether a gauge was read."""
        return any(gauge.name == name for gauge in self.gauges)

    def total(self, name: str) -> float:
        """Sum a gauge over all queues or reasons."""
        return sum(gauge.value for gauge in self.gauges if gauge.name == name)

    def most(self, name: str) -> float:
        """Return the highest value of a gauge."""
        return max((gauge.value for gauge in self.gauges if gauge.name == name), default=0)

    def counted(self, *names: str) -> int:
        """Sum counts over all minutes."""
        return sum(minute.get(name, 0) for minute in self.counts for name in names)


@dataclass(frozen=True, slots=True)
class FromSqs:
    """From SQS: the counts of the queue and its dead-letter queue; None if not configured."""

    queue: QueueCounts | None
    dead_letters: QueueCounts | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole state; `failures` maps each source that could not be read to its error."""

    now: float
    redis: FromRedis | None
    sqs: FromSqs | None
    failures: dict[str, str] = field(default_factory=dict)


def take(config: RelayConfig) -> Snapshot:
    """Read everything. Failures are part of the snapshot; none is raised."""
    now, failures = time.time(), {}
    from_redis = from_sqs = None
    try:
        from_redis = _read_redis(fail_fast_redis(config.redis_url), config, now)
    except RedisError as error:
        failures["Redis"] = type(error).__name__
    try:
        from_sqs = _sqs(lambda: _read_sqs(config))
    except (QueueUnavailable, QueueUnusable) as error:
        failures["SQS"] = error.code
    return Snapshot(now, from_redis, from_sqs, failures)


def _read_redis(client: "Redis", config: RelayConfig, now: float) -> FromRedis:
    now_ms, minute = int(now * 1000), int(now // 60)
    in_flight = InFlight(client, config.max_lifetime_seconds)
    first_minute = minute - TALLIED_MINUTES + 1
    return FromRedis(
        breakers=open_breakers.find(client, now_ms),
        gauges=[
            *redis_gauges(client, now_ms),
            *in_flight_gauges(in_flight, now_ms),
            *held_gauges.find(client, now_ms),
        ],
        heartbeats=Heartbeats(client).find_all(),
        first_minute=first_minute,
        counts=find_counts(client, range(first_minute, minute + 1)),
        sampled_minute=history.find_last_minute(client),
    )


def _read_sqs(config: RelayConfig) -> FromSqs:
    queue, dead_letters = (
        connect_queue(url, config.region).count() if url is not None else None
        for url in (config.queue_url, config.dead_letter_queue_url)
    )
    return FromSqs(queue, dead_letters)


class _Kept:
    """Caches SQS's answer or error for a few seconds, however many people look."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until = float("-inf")
        self._answer: FromSqs | QueueUnavailable | QueueUnusable | None = None

    def __call__(self, read: Callable[[], FromSqs]) -> FromSqs:
        with self._lock:
            if time.monotonic() >= self._until or self._answer is None:
                try:
                    self._answer = read()
                except (QueueUnavailable, QueueUnusable) as error:
                    self._answer = error
                self._until = time.monotonic() + _SQS_KEPT_SECONDS
        if isinstance(self._answer, FromSqs):
            return self._answer
        raise type(self._answer)(self._answer.code)


_sqs = _Kept()


def by_role(heartbeats: list[Heartbeat]) -> Counter[str]:
    """Count live processes by role, and silent ones under `silent`."""
    return Counter(beat.process.role if beat.is_alive else "silent" for beat in heartbeats)
