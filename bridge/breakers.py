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
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import markus
from redis.exceptions import RedisError

from bridge.sns.reject_reasons import RejectReason
from runtime import breakers as shared
from runtime.breakers import OpenBreaker, is_enough
from runtime.dependencies import Dependency

if TYPE_CHECKING:
    from redis import Redis

logger = logging.getLogger(__name__)
metrics = markus.get_metrics("breaker")

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
}
"""The reject reasons that a wrong setting of ours causes. Anybody who can write to the queue can
cause them, too."""


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
        self._failures = 0
        self._failing_since = 0.0
        self._report_at = float("-inf")

    @property
    def is_failing(self) -> bool:
        """Whether certificates could not be fetched, and no message has passed since."""
        return self._failures > 0

    def find_open(self) -> dict[Dependency, OpenBreaker]:
        """Return the open breakers."""
        return dict(self._open)

    def failed(self, code: str) -> None:
        """Note a batch in which a certificate could not be fetched and no message passed."""
        if self._failures == 0:
            self._failing_since = self._monotonic()
        self._failures += 1
        if is_enough(self._failures, self._monotonic() - self._failing_since):
            self.open(Blame(Dependency.CERTIFICATES, code))

    def open(self, blame: Blame) -> None:
        """Open a breaker, unless it is open."""
        if blame.dependency in self._open:
            return
        opened = OpenBreaker(blame.dependency, blame.code, self._now_ms())
        self._open[blame.dependency] = opened
        self._report_at = float("-inf")
        self.report()
        fields = {"breaker": blame.dependency, "error_code": blame.code}
        logger.error("breaker opened", extra=fields)
        metrics.incr("opened", tags=[f"breaker:{blame.dependency}"])

    def worked(self) -> bool:
        """Note that a message passed: closes all. Returns whether one was open."""
        self._failures = 0
        closed, self._open = self._open, {}
        if closed:
            self._withdraw(closed.values())
        for one in closed.values():
            seconds = round((self._now_ms() - one.since_ms) / 1000, 1)
            logger.warning("breaker closed", extra={"breaker": one.dependency, "open_s": seconds})
            metrics.incr("closed", tags=[f"breaker:{one.dependency}"])
        return bool(closed)

    def report(self) -> None:
        """Tell operators, every few seconds: a bridge that tells nothing more is dead."""
        now = self._monotonic()
        if not self._open or now < self._report_at:
            return
        self._report_at = now + _REPORT_SECONDS
        fields: dict[Any, Any] = {
            self._field(one.dependency): _stored(one, self._now_ms()) for one in self._open.values()
        }
        try:
            self._redis.hset(shared.OF_BRIDGES, mapping=fields)
            self._redis.expire(shared.OF_BRIDGES, shared.UNSEEN_SECONDS)
        except RedisError as error:
            logger.warning("breakers not reported", extra={"error_type": type(error).__name__})

    def leave(self) -> None:
        """Publish no more: this bridge ends."""
        if self._open:
            self._withdraw(self._open.values())

    def _withdraw(self, closed: Iterable[OpenBreaker]) -> None:
        try:
            self._redis.hdel(shared.OF_BRIDGES, *(self._field(one.dependency) for one in closed))
            shared.note_closed(self._redis)
        except RedisError as error:
            logger.warning("breakers not reported", extra={"error_type": type(error).__name__})

    def _field(self, dependency: Dependency) -> str:
        return f"{self._bridge}/{dependency}"

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def _stored(opened: OpenBreaker, now_ms: int) -> str:
    return json.dumps(asdict(opened) | {"seen_ms": now_ms})
