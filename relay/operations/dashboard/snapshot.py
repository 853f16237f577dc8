"""Reads the relay's present state. A source that can't be read leaves its numbers unknown."""

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from bridge.ledger.heartbeats import Heartbeat, Heartbeats
from bridge.ledger.in_flight import InFlight
from bridge.ledger.lanes import Lanes
from relay.config import RelayConfig
from relay.operations import held_gauges, history
from relay.operations.controls.describe import find_sentences
from relay.operations.fail_fast import fail_fast_redis
from relay.operations.gauges import (
    Gauge,
    in_flight_gauges,
    lane_gauges,
    redis_gauges,
    unsettled_gauges,
)
from relay.operations.judgement.database import ask_database
from relay.operations.judgement.facts import Facts, Failing
from relay.operations.judgement.read import read_facts
from runtime.tally import find_counts

if TYPE_CHECKING:
    from redis import Redis

TALLIED_MINUTES = 10


@dataclass(frozen=True, slots=True)
class FromRedis:
    """Gauges, heartbeats, counts per minute (oldest first), the last sample's minute, and what
    to say of the operators' controls.
    """

    gauges: list[Gauge]
    heartbeats: list[Heartbeat]
    first_minute: int
    counts: list[dict[str, int]]
    sampled_minute: int | None
    controls: list[str] = field(default_factory=list)

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
class Snapshot:
    """The whole state: the facts that are judged, and what else the page shows of Redis."""

    facts: Facts
    redis: FromRedis | None

    @property
    def now(self) -> float:
        """When it was taken, in seconds since 1970."""
        return self.facts.now


def take(config: RelayConfig) -> Snapshot:
    """Read everything. Failures are part of the snapshot; none is raised."""
    client = fail_fast_redis(config.redis_url)
    facts = read_facts(client, config, ask_database)
    if facts.redis is not None and facts.redis.kind is Failing.AWAY:
        return Snapshot(facts, None)
    try:
        return Snapshot(facts, _read_redis(client, config, facts.now))
    except RedisError:
        return Snapshot(facts, None)


def _read_redis(client: "Redis", config: RelayConfig, now: float) -> FromRedis:
    now_ms, minute = int(now * 1000), int(now // 60)
    in_flight = InFlight(client, config.max_lifetime_seconds)
    first_minute = minute - TALLIED_MINUTES + 1
    heartbeats = Heartbeats(client).find_all()
    return FromRedis(
        gauges=[
            *redis_gauges(client, now_ms),
            *in_flight_gauges(in_flight, now_ms),
            *held_gauges.find(client, now_ms),
            *lane_gauges(Lanes(client), now_ms),
            *unsettled_gauges(heartbeats, now_ms),
        ],
        heartbeats=heartbeats,
        first_minute=first_minute,
        counts=find_counts(client, range(first_minute, minute + 1)),
        sampled_minute=history.find_last_minute(client),
        controls=find_sentences(client, config.ledger_secrets, now_ms),
    )


def by_role(heartbeats: list[Heartbeat]) -> Counter[str]:
    """Count live processes by role, and silent ones under `silent`."""
    return Counter(beat.process.role if beat.is_alive else "silent" for beat in heartbeats)
