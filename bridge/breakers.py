"""The bridge's own circuit breakers: `certificates` and `configuration`.

Each bridge goes by its own: another one may reach SNS's host, or have the right settings. It
publishes them in Redis for operators, and goes on without Redis.

    relay:breakers:bridge   hash: bridge/dependency → JSON, of the open breakers

    poller thread   calls everything
    main thread     `leave`, when the poller has ended
"""

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError

from bridge.sns.reject_reasons import RejectReason
from runtime.breakers import (
    OF_BRIDGES,
    UNSEEN_SECONDS,
    FailureStreak,
    OpenBreaker,
    note_closed,
)
from runtime.dependencies import Dependency
from runtime.failures import fields_of

if TYPE_CHECKING:
    from redis import Redis

logger = logging.getLogger(__name__)

_REPORT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Blame:
    """What is at fault if *all* messages fail like this one: a breaker, and what operators read."""

    dependency: Dependency
    code: str


CERTIFICATE_MISSING = Blame(Dependency.CERTIFICATES, "certificate_missing")

BLAMES = {
    RejectReason.WRONG_TOPIC: Blame(Dependency.CONFIGURATION, "AWS_SNS_TOPIC"),
    RejectReason.RAW_DELIVERY: Blame(Dependency.CONFIGURATION, "raw_delivery"),
    RejectReason.SIGNATURE_VERSION_REFUSED: Blame(
        Dependency.CONFIGURATION, "AWS_SNS_SIGNATURE_VERSIONS"
    ),
    RejectReason.FROM_THE_FUTURE: Blame(Dependency.CONFIGURATION, "clock"),
}
"""The reject reasons that a wrong setting or clock of ours causes. Anybody who can write to the
queue can cause them, too."""


class OwnBreakers:
    """The open breakers of one bridge. Never raises an error of Redis."""

    def __init__(
        self,
        client: "Redis",
        bridge: str,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis = client
        self._bridge = bridge
        self._clock = clock
        self._monotonic = monotonic
        self._open: dict[Dependency, OpenBreaker] = {}
        self._streak = FailureStreak()
        self._report_at = float("-inf")

    @property
    def is_failing(self) -> bool:
        """Whether certificates could not be fetched, and no message has passed since."""
        return self._streak.number > 0

    def find_open(self) -> dict[Dependency, OpenBreaker]:
        """Return the open breakers."""
        return dict(self._open)

    def failed(self, code: str) -> None:
        """Note a batch in which a certificate could not be fetched and no message passed."""
        if self._streak.add(self._monotonic()):
            self.open(Blame(Dependency.CERTIFICATES, code))

    def open(self, blame: Blame) -> None:
        """Open a breaker, unless it is open."""
        if blame.dependency in self._open:
            return
        opened = OpenBreaker(blame.dependency, blame.code, self._now_ms())
        self._open[blame.dependency] = opened
        self._report_at = float("-inf")
        self.report()
        opened.log_opened()

    def worked(self) -> bool:
        """Note that a message passed: closes all. Returns whether one was open."""
        self._streak = FailureStreak()
        closed = self._withdraw()
        for one in closed:
            one.log_closed(self._now_ms())
        return bool(closed)

    def report(self) -> None:
        """Tell operators, every few seconds: a bridge that tells nothing more is dead."""
        now = self._monotonic()
        if not self._open or now < self._report_at:
            return
        self._report_at = now + _REPORT_SECONDS
        seen = {"seen_ms": self._now_ms()}
        fields: dict[Any, Any] = {
            self._field(one): json.dumps(asdict(one) | seen) for one in self._open.values()
        }
        with self._logging_failure():
            self._redis.hset(OF_BRIDGES, mapping=fields)
            self._redis.expire(OF_BRIDGES, UNSEEN_SECONDS)

    def leave(self) -> None:
        """Publish no more: this bridge ends."""
        self._withdraw()

    def _withdraw(self) -> list[OpenBreaker]:
        """Close all; returns those that were open."""
        closed, self._open = list(self._open.values()), {}
        if closed:
            with self._logging_failure():
                self._redis.hdel(OF_BRIDGES, *map(self._field, closed))
                note_closed(self._redis)
        return closed

    @contextmanager
    def _logging_failure(self) -> Iterator[None]:
        try:
            yield
        except RedisError as error:
            logger.warning("breakers not reported", extra=fields_of(error))

    def _field(self, opened: OpenBreaker) -> str:
        return f"{self._bridge}/{opened.dependency}"

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)
