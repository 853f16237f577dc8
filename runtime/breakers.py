"""Circuit breakers: what fails again and again is left alone, and tried one call at a time.

A breaker opens after five failures in a row, or three that span five seconds. While
it is open, one probe at a time may ask again, with a wait of one to five seconds between probes.
The first call that works closes it.

Each process counts its own failures; all workers share the open breakers through Redis, so that one
probe serves all. If Redis is away, each process goes by what it last knew.

    relay:breakers:workers          hash: dependency → JSON, of the open breakers
    relay:breakers:bridge           the same of each bridge by itself (`bridge/breakers.py`)
    relay:resumed                   exists for a while after one was open
    relay:breaker-probe:DEPENDENCY  exists while nobody may probe: a probe runs, or the wait does
"""

import json
import logging
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

import markus
from redis.exceptions import RedisError

from runtime.dependencies import Dependency
from runtime.redis_client import connect_fail_fast

if TYPE_CHECKING:
    from redis import Redis

logger = logging.getLogger(__name__)
metrics = markus.get_metrics("breaker")

_MANY_FAILURES = 5
_SOME_FAILURES, _FAILING_SECONDS = 3, 5.0

WORKERS, BRIDGE = "workers", "bridge"
"""The owners of breakers."""

_MIN_WAIT_SECONDS, _MAX_WAIT_SECONDS = 1.0, 5.0
_PROBE_SECONDS = 30
"""How long a probe may take before another is allowed: its process may have died."""

_REFRESH_SECONDS = 0.5
_FORGOTTEN_AFTER_SECONDS = 3600
"""When nobody has probed for that long, nobody knows anything: the breaker counts as closed."""

_PREFIX, _PROBE_PREFIX = "relay:breakers:", "relay:breaker-probe:"

OF_BRIDGES = _PREFIX + BRIDGE
UNSEEN_SECONDS = 60
"""When a bridge has published nothing for that long, it is gone, and so are its breakers."""

RESUMED_KEY, RESUMED_SECONDS = "relay:resumed", 90
"""Exists for a while after the bridges began again to take what SQS has for them."""

NOT_TAKING_KEYS = (_PREFIX + WORKERS, OF_BRIDGES, RESUMED_KEY)
"""One of these exists while a breaker is open, and for a while after: the bridges take little, so
what SQS has for them is late."""


@dataclass(frozen=True, slots=True)
class OpenBreaker:
    """An open breaker, and since when (ms). `code` is AWS's, PostgreSQL's or our word for why."""

    dependency: Dependency
    code: str
    since_ms: int

    def log_opened(self) -> None:
        """Log and count that it has opened: once for all that share it."""
        fields = {"breaker": self.dependency, "error_code": self.code}
        logger.error("breaker opened", extra=fields)
        metrics.incr("opened", tags=[f"breaker:{self.dependency}"])

    def log_closed(self, now_ms: int) -> None:
        """Log and count that it has closed."""
        seconds = round((now_ms - self.since_ms) / 1000, 1)
        logger.warning("breaker closed", extra={"breaker": self.dependency, "open_s": seconds})
        metrics.incr("closed", tags=[f"breaker:{self.dependency}"])


@dataclass(slots=True)
class FailureStreak:
    """Failures in a row, and when the first of them happened."""

    number: int = 0
    since: float = 0.0

    def add(self, now: float) -> bool:
        """Count a failure; returns whether so many, the first so long ago, open a breaker."""
        if self.number == 0:
            self.since = now
        self.number += 1
        is_long = self.number >= _SOME_FAILURES and now - self.since >= _FAILING_SECONDS
        return self.number >= _MANY_FAILURES or is_long


class Breakers:
    """The breakers of one process. Thread-safe. Never raises an error of Redis.

    The lock is held until Redis has a change: a refresh that began before would undo it here.

    `owner`: the processes with the same owner share their breakers.
    """

    def __init__(
        self,
        client: "Redis",
        owner: str = WORKERS,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis = client
        self._key = _PREFIX + owner
        self._clock = clock
        self._monotonic = monotonic
        self._token = uuid.uuid4().hex
        self._lock = threading.Lock()
        self._streaks: dict[Dependency, FailureStreak] = {}
        self._open: dict[Dependency, OpenBreaker] = {}
        self._probing: set[Dependency] = set()
        self._refreshed_at = float("-inf")

    def failed(self, dependency: Dependency, code: str) -> None:
        """Note a failure. While the breaker is open it puts off the next probe."""
        with self._lock:
            self._probing.discard(dependency)
            known = self._open.get(dependency)
            if known is not None:
                self._wait(known)
            elif self._streaks.setdefault(dependency, FailureStreak()).add(self._monotonic()):
                opened = self._open[dependency] = OpenBreaker(dependency, code, self._now_ms())
                self._publish(opened)

    def worked(self, dependency: Dependency) -> None:
        """Note that a call worked; closes the breaker. Costs nothing while all is well."""
        if dependency not in self._streaks and dependency not in self._open:
            return
        with self._lock:
            self._streaks.pop(dependency, None)
            self._probing.discard(dependency)
            closed = self._open.pop(dependency, None)
            if closed is not None:
                self._close(closed)

    def find_open(self) -> dict[Dependency, OpenBreaker]:
        """Return the open breakers, as of half a second ago at most."""
        now = self._monotonic()
        if now - self._refreshed_at >= _REFRESH_SECONDS:
            self._refreshed_at = now
            with self._lock:
                self._refresh()
        return dict(self._open)

    def take_probe(self, dependency: Dependency) -> bool:
        """Ask to be the one that may try an open dependency; its result ends the probe."""
        try:
            taken = self._redis.set(
                _PROBE_PREFIX + dependency, self._token, nx=True, ex=_PROBE_SECONDS
            )
        except RedisError:
            return False
        if taken:
            self._probing.add(dependency)
        return bool(taken)

    def give_back_probes(self) -> None:
        """Let somebody else probe at once: this process's probes did not get to ask."""
        while self._probing:
            key = _PROBE_PREFIX + self._probing.pop()
            try:
                if self._redis.get(key) == self._token.encode():
                    self._redis.delete(key)
            except RedisError:
                return

    def _refresh(self) -> None:
        try:
            stored = cast("dict[bytes, bytes]", self._redis.hgetall(self._key))
        except RedisError:
            return
        found = {breaker.dependency: breaker for breaker in map(_read, stored.values())}
        for dependency in self._open.keys() - found.keys():
            self._streaks.pop(dependency, None)
        self._open = found

    def _publish(self, opened: OpenBreaker) -> None:
        text = json.dumps(asdict(opened))
        try:
            is_first = self._redis.hsetnx(self._key, opened.dependency, text)
        except RedisError:
            is_first = 1
        self._wait(opened)
        if is_first:
            opened.log_opened()

    def _wait(self, opened: OpenBreaker) -> None:
        """Allow the next probe only after a while: the longer it lasts, the longer."""
        lasts = (self._now_ms() - opened.since_ms) / 1000
        seconds = min(max(lasts / 4, _MIN_WAIT_SECONDS), _MAX_WAIT_SECONDS)
        try:
            self._redis.set(_PROBE_PREFIX + opened.dependency, "waiting", px=int(seconds * 1000))
            self._redis.expire(self._key, _FORGOTTEN_AFTER_SECONDS)
        except RedisError:
            return

    def _close(self, closed: OpenBreaker) -> None:
        try:
            was_open = self._redis.hdel(self._key, closed.dependency)
            note_closed(self._redis)
        except RedisError:
            was_open = 1
        if was_open:
            closed.log_closed(self._now_ms())

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


@lru_cache(maxsize=1)
def breakers_of(redis_url: str) -> Breakers:
    """Return the workers' breakers, the same object wherever this process needs them."""
    return Breakers(connect_fail_fast(redis_url))


def find_all_open(client: "Redis", now_ms: int | None = None) -> list[OpenBreaker]:
    """Find all open breakers, the oldest first, for operators. Errors of Redis pass through.

    Each dependency counts once, however many bridges can't reach it.
    """
    now_ms = int(time.time() * 1000) if now_ms is None else now_ms
    with client.pipeline(transaction=False) as pipeline:
        for key in (_PREFIX + WORKERS, OF_BRIDGES):
            pipeline.hgetall(key)
        stored = [json.loads(text) for found in pipeline.execute() for text in found.values()]
    seen = [one for one in stored if one.get("seen_ms", now_ms) >= now_ms - UNSEEN_SECONDS * 1000]
    oldest: dict[Dependency, OpenBreaker] = {}
    for one in sorted(map(_of_json, seen), key=lambda breaker: breaker.since_ms):
        oldest.setdefault(one.dependency, one)
    return list(oldest.values())


def note_closed(client: "Redis") -> None:
    """Note that a breaker has closed: what SQS has is late for a while."""
    client.set(RESUMED_KEY, 1, ex=RESUMED_SECONDS)


def _read(text: bytes) -> OpenBreaker:
    return _of_json(json.loads(text))


def _of_json(data: dict[str, Any]) -> OpenBreaker:
    return OpenBreaker(Dependency(data["dependency"]), data["code"], data["since_ms"])
