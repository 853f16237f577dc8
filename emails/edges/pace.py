"""Limits how fast all workers together send, and backs off when SES throttles.

SES limits how many mails an account may send per second. When it throttles one worker, that worker
writes a limit to Redis, and all workers obey it. The first limit is four fifths of what was sent in
the last second; each further throttling cuts it by a fifth. Without throttling the limit grows
again, and expires after a minute.
"""

import random
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from dramatiq.rate_limits import WindowRateLimiter
from dramatiq.rate_limits.backends import RedisBackend

from emails.values.errors import NotFinished
from emails.values.outcomes import RetryReason

if TYPE_CHECKING:
    from redis import Redis

MAX_WAIT_SECONDS = 5.0
"""How long a worker waits for its turn before it puts the mail back."""

_LIMIT, _COUNT, _TURNS = "relay:ses-limit", "relay:ses-count", "relay:ses-turns"
_LIMIT_SECONDS = 60
_STEP_SECONDS = 5.0
_SLOWER, _FASTER = 0.8, 1.25
"""The limit's factors: `_SLOWER` when SES throttles, at most once per step; `_FASTER` per step."""

_POLL_SECONDS = (0.02, 0.2)


class SharedPace:
    """The pace that all workers share. Doesn't catch Redis's errors: nothing was sent then.

    `per_second` is how many mails all workers may send per second; None: as many as SES accepts.
    """

    def __init__(
        self,
        client: "Redis",
        per_second: int | None,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._per_second = per_second
        self._sleep = sleep
        self._clock = clock
        self._lock = threading.Lock()
        self._learned: bytes | None = None
        self._synced_at = 0.0
        self._uncounted = 0

    def wait_turn(self) -> None:
        """Wait until a mail may be sent. Raises `NotFinished` if that takes too long."""
        deadline = self._clock() + MAX_WAIT_SECONDS
        while not self._may_send():
            if self._clock() >= deadline:
                raise NotFinished(RetryReason.SENDER_THROTTLED)
            # At random, so that not all workers try at the start of the next second.
            self._sleep(random.uniform(*_POLL_SECONDS))

    def slow_down(self) -> None:
        """Lower the limit, because SES throttled a send. Calls within one step count once."""
        now = self._clock()
        stored: bytes | None = cast("bytes | None", self._client.get(_LIMIT))
        if stored is None:
            counts = [
                int(count or 0) for count in self._client.mget(_counter(now), _counter(now - 1))
            ]
            limit = max(*counts, self._uncounted) * _SLOWER
        else:
            _, since = _read(stored)
            if now - since < _STEP_SECONDS:
                return
            limit = _grown(stored, now) * _SLOWER
        stored = f"{max(1.0, limit):.2f} {now:.3f}".encode()
        self._client.set(_LIMIT, stored, ex=_LIMIT_SECONDS)
        self._learned = stored

    def limit(self) -> float | None:
        """Return how many mails may be sent in this second; None: no limit. Counts as one send.

        Once a second, reads the limit from Redis and adds this process's count to the shared one.
        """
        now = self._clock()
        with self._lock:
            if int(now) != int(self._synced_at):
                self._learned, self._synced_at, self._uncounted = self._sync(now), now, 0
            self._uncounted += 1
            learned = _grown(self._learned, now) if self._learned is not None else None
        return min((rate for rate in (learned, self._per_second) if rate is not None), default=None)

    def _sync(self, now: float) -> bytes | None:
        counter = _counter(self._synced_at)
        with self._client.pipeline(transaction=False) as pipeline:
            pipeline.get(_LIMIT)
            pipeline.incrby(counter, self._uncounted)
            pipeline.expire(counter, 5)
            stored: bytes | None = pipeline.execute()[0]
        return stored

    def _may_send(self) -> bool:
        limit = self.limit()
        if limit is None:
            return True
        limiter: Any = WindowRateLimiter(  # type: ignore[no-untyped-call]
            RedisBackend(client=self._client), _TURNS, limit=max(1, int(limit)), window=1
        )
        with limiter.acquire(raise_on_failure=False) as acquired:
            return bool(acquired)


def _counter(now: float) -> str:
    return f"{_COUNT}:{int(now)}"


def _read(stored: bytes) -> tuple[float, float]:
    limit, since = stored.split()
    return float(limit), float(since)


def _grown(stored: bytes, now: float) -> float:
    limit, since = _read(stored)
    steps: float = max(0.0, now - since) / _STEP_SECONDS
    return float(limit * _FASTER**steps)
