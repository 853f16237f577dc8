"""Limits how fast all workers together send, and backs off when SES throttles.

While there is a limit, mails stand in line for their turn (`turns.py`): first those that go before
others, then the others, each in the order in which they came. A mail that went first until more of
its lane came stands in line no longer: it would keep a thread that is for mails that go first.

SES limits how many mails an account may send per second. When it throttles one worker, that worker
writes a limit to Redis, and all workers obey it. The first limit is four fifths of what was sent in
the last second; each further throttling cuts it by a fifth. Without throttling the limit grows
again, and expires after a minute. The account's own rate, as SES says it, is a limit as well.
"""

import threading
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from emails.edges.turns import Turns
from emails.values.errors import NotFinished, OthersFirst
from emails.values.outcomes import RetryReason
from emails.wire import ACCOUNT_KEY, ACCOUNT_RATE
from runtime.lane import goes_first, has_lost_its_place

if TYPE_CHECKING:
    from redis import Redis

MAX_WAIT_SECONDS = 20.0
"""How long a worker waits for its turn before it puts the mail back: a whole process's threads, at
one mail a second. Put back, it loses its place."""

_LIMIT, _COUNT = "relay:ses-limit", "relay:ses-count"
_LIMIT_SECONDS = 60
_STEP_SECONDS = 5.0
_SLOWER, _FASTER = 0.8, 1.25
"""The limit's factors: `_SLOWER` when SES throttles, at most once per step; `_FASTER` per step."""

_LEAST_POLL_SECONDS, _MOST_POLL_SECONDS = 0.002, 0.5
"""The shortest and the longest time between two questions whether it is one's turn. Who isn't heard
of for two seconds loses its place."""

_MOST_FIRST_POLL_SECONDS = 0.1
"""The longest time for a mail that goes first: when more of its lane has come, it must make room
for those behind it, which may be others'."""


class SharedPace:
    """The pace that all workers share. Doesn't catch Redis's errors: nothing was sent then.

    `per_second` is how many mails all workers may send per second at most; None: as many as SES
    accepts.
    """

    def __init__(
        self,
        client: "Redis",
        per_second: int | None,
        *,
        max_wait_seconds: float = MAX_WAIT_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.time,
        turns: Turns | None = None,
    ) -> None:
        self._client = client
        self._max_wait_seconds = max_wait_seconds
        self._turns = turns or Turns(client)
        self._per_second = per_second
        self._sleep = sleep
        self._clock = clock
        self._lock = threading.Lock()
        self._learned: bytes | None = None
        self._of_account: bytes | None = None
        self._synced_at = 0.0
        self._uncounted = 0

    def check_place(self) -> None:
        """Raise `OthersFirst` if, while there is a limit, the mail went first and may no longer."""
        if self._limit_at(self._clock()) is not None and has_lost_its_place():
            raise OthersFirst

    def wait_turn(self) -> None:
        """Wait until a mail may be sent. Raises `NotFinished` if that takes too long, or
        `OthersFirst`.
        """
        limit = self.limit()
        if limit is None:
            return
        ticket, deadline = uuid.uuid4().hex, self._clock() + self._max_wait_seconds
        while (wait_seconds := self._turns.ask(ticket, max(1.0, limit))) > 0:
            if self._clock() >= deadline:
                self._turns.leave(ticket)
                raise NotFinished(RetryReason.WAITS_FOR_TURN)
            most = _MOST_FIRST_POLL_SECONDS if goes_first.get() else _MOST_POLL_SECONDS
            self._sleep(max(_LEAST_POLL_SECONDS, min(wait_seconds, most)))
            if has_lost_its_place():
                self._turns.leave(ticket)
                raise OthersFirst
            limit = self._limit_at(self._clock()) or limit

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
                self._sync()
                self._synced_at, self._uncounted = now, 0
            self._uncounted += 1
        return self._limit_at(now)

    def _limit_at(self, now: float) -> float | None:
        return _lowest(self._learned, self._of_account, self._per_second, now)

    def _sync(self) -> None:
        counter = _counter(self._synced_at)
        with self._client.pipeline(transaction=False) as pipeline:
            pipeline.get(_LIMIT)
            pipeline.hget(ACCOUNT_KEY, ACCOUNT_RATE)
            pipeline.incrby(counter, self._uncounted)
            pipeline.expire(counter, 5)
            self._learned, self._of_account, *_ = pipeline.execute()


def find_rate(client: "Redis", per_second: int | None, now: float | None = None) -> float | None:
    """Find how many mails may be sent per second at the moment; None: no limit."""
    stored = cast("bytes | None", client.get(_LIMIT))
    of_account = cast("bytes | None", client.hget(ACCOUNT_KEY, ACCOUNT_RATE))
    return _lowest(stored, of_account, per_second, time.time() if now is None else now)


def _lowest(
    learned: bytes | None, of_account: bytes | None, per_second: int | None, now: float
) -> float | None:
    rates = (
        _grown(learned, now) if learned is not None else None,
        float(of_account) if of_account is not None else None,
        per_second,
    )
    return min((rate for rate in rates if rate is not None), default=None)


def _counter(now: float) -> str:
    return f"{_COUNT}:{int(now)}"


def _read(stored: bytes) -> tuple[float, float]:
    limit, since = stored.split()
    return float(limit), float(since)


def _grown(stored: bytes, now: float) -> float:
    limit, since = _read(stored)
    steps: float = max(0.0, now - since) / _STEP_SECONDS
    return float(limit * _FASTER**steps)
