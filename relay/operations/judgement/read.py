"""Reads the facts. A source that fails is a fact by itself; none raises.

Redis is asked to write, not only to answer: a full one, or a replica, answers `PING` happily.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from redis.exceptions import RedisError

from bridge.ledger.heartbeats import Heartbeat, Heartbeats, Role
from bridge.ledger.room import share_used
from bridge.ports import QueueCounts, QueueUnavailable, QueueUnusable
from emails.edges.account_notes import find_state
from emails.edges.pace import find_rate
from emails.edges.turns import find_in_line
from emails.values.account import ReputationLimits
from emails.wire import BULK_QUEUE, FEEDBACK_QUEUE, INBOUND_QUEUE
from relay.config import RelayConfig
from relay.operations import canary, history
from relay.operations.fail_fast import connect_queue
from relay.operations.gauges import redis_gauges
from relay.operations.judgement.facts import Facts, Failing, Fault, Progress, RedisFault
from relay.operations.judgement.silence import find_usual_silence
from runtime.breakers import OpenBreaker, find_all_open
from runtime.config import queue_name
from runtime.controls.store import ControlStore
from runtime.controls.values import Action, Control
from runtime.redis_client import failing_of, words_of
from runtime.seals import Seals
from runtime.tally import find_counts

if TYPE_CHECKING:
    from redis import Redis

MINUTES = 60
"""How far back progress is read."""

_WRITTEN = "relay:written"
_WRITTEN_SECONDS = 60
_BEFORE_MINUTES = 5
"""How long ago what waits is compared with."""
_OF_MAIL = {f"redis_queue_count:{one}" for one in (INBOUND_QUEUE, BULK_QUEUE, FEEDBACK_QUEUE)}
_SQS_SECONDS, _USUAL_SECONDS = 4.0, 300.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class OfDatabase:
    """What asking the database found: its fault, or the migrations that it lacks."""

    fault: Fault | None = None
    unmigrated: tuple[str, ...] = ()


def read_facts(
    client: "Redis",
    config: RelayConfig,
    ask_database: Callable[[], OfDatabase] = OfDatabase,
    now: float | None = None,
) -> Facts:
    """Read everything. Without `ask_database`, the breakers say how the database is."""
    now = time.time() if now is None else now
    found = ask_database()
    queue, overflow, dead_letters, queue_fault = _sqs(lambda: _count(config))
    places = {"redis_at": where(config.redis_url), "database_at": where(config.database_url)}
    others = {
        "now": now,
        "reputation": _limits(config),
        **places,
        "database": found.fault,
        "unmigrated": found.unmigrated,
        "queue": queue,
        "overflow_waiting": overflow,
        "dead_letters_in_sqs": dead_letters,
        "queue_fault": queue_fault,
    }
    fault = find_fault(client)
    try:
        return Facts(redis=fault, **_of_redis(client, config, now), **others)  # type: ignore[arg-type]
    except RedisError as error:
        return Facts(redis=fault or _fault_of(error), **others)  # type: ignore[arg-type]


def _limits(config: RelayConfig) -> ReputationLimits:
    shares = config.max_bounce_percent / 100, config.max_complaint_percent / 100
    return ReputationLimits(*shares, may_brake=config.may_brake)


def where(url: str) -> str:
    """Return a URL's host and port, and nothing else of it."""
    parts = urlsplit(url)
    host = parts.hostname or "a local socket"
    return f"{host}:{parts.port}" if parts.port else host


class FirstSeen:
    """Since when this process has found a server failing; not known at the first time."""

    def __init__(self) -> None:
        self._at: float | None = None

    def failing(self, now: float) -> float | None:
        """Note that it fails."""
        known, self._at = self._at, now if self._at is None else self._at
        return known

    def works(self) -> None:
        """Note that it works."""
        self._at = None


_redis_seen = FirstSeen()


def find_fault(client: "Redis") -> RedisFault | None:
    """Write to Redis; returns how it fails, if it does."""
    try:
        client.set(_WRITTEN, 1, ex=_WRITTEN_SECONDS)
    except RedisError as error:
        return _fault_of(error)
    _redis_seen.works()
    return None


def _fault_of(error: RedisError) -> RedisFault:
    since = _redis_seen.failing(time.time())
    return RedisFault(words_of(error), since, Failing(failing_of(error)))


def _of_redis(client: "Redis", config: RelayConfig, now: float) -> Mapping[str, object]:
    now_ms, minute = int(now * 1000), int(now // 60)
    first = minute - MINUTES + 1
    heartbeats, sampled = Heartbeats(client).find_all(), history.find_last_minute(client)
    memory: dict[str, int] = client.info("memory")
    queues = list(redis_gauges(client, now_ms))
    return {
        "redis_memory": share_used(memory) if memory.get("maxmemory") else None,
        "breakers": _breakers(client, now_ms),
        "pause": _pause(client, config, now_ms),
        "heartbeats": heartbeats,
        "last_seen": dict(_last_seen(client, heartbeats, minute)),
        "progress": Progress(first, find_counts(client, range(first, minute + 1))),
        "usual_silence": _usual(
            lambda: find_usual_silence(client, minute, queue_name(config.queue_url))
        ),
        "waiting_seconds": max(one.value for one in queues if one.name == "redis_queue_oldest_s"),
        "redis_waiting": int(sum(one.value for one in queues if one.label in _OF_MAIL)),
        "waited_before": _waited_before(client, now, minute),
        "in_line": find_in_line(client, now_ms),
        "send_rate": find_rate(client, config.max_sends_per_second, now),
        "canary_age": canary.find_age(client, now) if config.canary_mask else None,
        "account": find_state(client),
        "gauges_age": None if sampled is None else max(0.0, now - (sampled + 1) * 60),
        "sampled_at": None if sampled is None else (sampled + 1) * 60.0,
    }


def _waited_before(client: "Redis", now: float, minute: int) -> tuple[float, int] | None:
    """Find how much waited some minutes ago, by the gauges of then."""
    samples = history.find_of(client, range(minute - _BEFORE_MINUTES, minute - 1))
    counted = [one for one in samples if "backlog_messages" in one.values]
    if not counted:
        return None
    # A minute's gauges are read as it begins.
    return now - counted[0].minute * 60.0, int(counted[0].values["backlog_messages"])


def _breakers(client: "Redis", now_ms: int) -> list[OpenBreaker]:
    return find_all_open(client, now_ms)


def _pause(client: "Redis", config: RelayConfig, now_ms: int) -> Control | None:
    pauses = (Action.PAUSE_RECEIVING, Action.PAUSE_SENDING)
    found = ControlStore(client, Seals(config.ledger_secrets)).find_all()
    return next((one for one in found if one.action in pauses and one.is_active(now_ms)), None)


def _last_seen(
    client: "Redis", heartbeats: list[Heartbeat], minute: int
) -> Iterator[tuple[Role, float]]:
    """Yield when a process of each role was last counted, for the roles that nobody has now."""
    lacking = [role for role in Role if not any(beat.process.role is role for beat in heartbeats)]
    samples = history.find(client, minute) if lacking else []
    for role in lacking:
        counted = [one.minute for one in samples if one.values.get(f"processes_alive:{role}")]
        if counted:
            yield role, (counted[-1] + 1) * 60.0


def _count(config: RelayConfig) -> tuple[QueueCounts | None, int, int | None, Fault | None]:
    urls = (config.queue_url, config.overflow_queue_url, config.dead_letter_queue_url)
    try:
        queue, overflow, dead_letters = (
            connect_queue(url, config.region).count() if url is not None else None for url in urls
        )
    except (QueueUnavailable, QueueUnusable) as error:
        return None, 0, None, Fault(error.code)
    waiting = overflow.visible if overflow else 0
    return queue, waiting, dead_letters.visible if dead_letters else None, None


class Kept:
    """Keeps an answer for a while, however many ask."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """Ask anew the next time."""
        self._until, self._answer = float("-inf"), None

    def __call__(self, read: Callable[[], T]) -> T:
        """Return the kept answer, or read a new one. Errors pass through and are not kept."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._answer = read()  # type: ignore[assignment]
                self._until = time.monotonic() + self._seconds
            return self._answer  # type: ignore[return-value]


_sqs, _usual = Kept(_SQS_SECONDS), Kept(_USUAL_SECONDS)


def forget() -> None:
    """Forget what is kept: another installation is asked now."""
    _sqs.forget()
    _usual.forget()
    _redis_seen.works()
