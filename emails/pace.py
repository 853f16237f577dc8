"""How fast mails are sent: all workers together, and slower when SES has had enough.

SES limits how many mails an account may send in a second. Each worker would learn of it by itself,
and come back by itself; so what one of them learns is kept in Redis, by Dramatiq's own means, and
all keep to it.
"""

import random
import time
from collections.abc import Callable
from typing import Any

from dramatiq.rate_limits import WindowRateLimiter
from dramatiq.rate_limits.backends import RedisBackend

from emails.errors import NotFinished
from emails.outcomes import RetryReason

PATIENCE_SECONDS = 5.0
"""How long a worker waits for its turn before it works on something else."""

_PAUSE, _STRIKES = "relay:ses-pause", "relay:ses-strikes"
_STRIKES_TTL_MS = 30_000
_FIRST_PAUSE_MS, _LONGEST_PAUSE_MS = 500, 16_000
_LOOK_SECONDS = (0.02, 0.2)


class Pace:
    """The pace of sending. Errors of Redis pass through: nothing was sent then.

    `per_second` is how many mails all workers may send in a second; None: as many as SES takes.
    """

    def __init__(
        self,
        client: Any,
        per_second: int | None,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._sleep = sleep
        self._clock = clock
        self._limiter: Any = None
        if per_second:
            backend = RedisBackend(client=client)
            self._limiter = WindowRateLimiter(  # type: ignore[no-untyped-call]
                backend, "relay:ses-rate", limit=per_second, window=1
            )

    def wait_turn(self) -> None:
        """Wait until a mail may be sent. Raises `NotFinished` when that takes too long."""
        deadline = self._clock() + PATIENCE_SECONDS
        while not self._may_send():
            if self._clock() >= deadline:
                raise NotFinished(RetryReason.SENDER_THROTTLED)
            # Not all at once when the pause is over.
            self._sleep(random.uniform(*_LOOK_SECONDS))

    def slow_down(self) -> None:
        """Note that SES has had enough: nobody sends for a while, longer each time in a row."""
        if self._client.exists(_PAUSE):
            return
        with self._client.pipeline() as pipeline:
            pipeline.incr(_STRIKES)
            pipeline.pexpire(_STRIKES, _STRIKES_TTL_MS)
            strikes: int = pipeline.execute()[0]
        pause_ms = min(_LONGEST_PAUSE_MS, _FIRST_PAUSE_MS * 2 ** (min(strikes, 10) - 1))
        self._client.set(_PAUSE, 1, px=pause_ms, nx=True)

    def _may_send(self) -> bool:
        if self._client.exists(_PAUSE):
            return False
        if self._limiter is None:
            return True
        with self._limiter.acquire(raise_on_failure=False) as acquired:
            return bool(acquired)
