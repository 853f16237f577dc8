"""The tally: events counted per minute, over all processes, in Redis.

It gives the dashboard numbers where there is no metrics backend. (Totals count for one bridge since
its start; gauges are numbers at one moment; the history keeps gauges for a day.) markus passes it
every count; it adds up the ones it knows and writes them once a second, in one round trip. If Redis
fails, counts are kept and written later; after a lost answer they are counted twice rather than
not.

    relay:tally:MINUTE   hash: name → count; expires after 25 hours; 0.4 MB in all

    any thread     adds to `_counts`, under `_lock`
    tally thread   takes from it and writes, until `_closing` is set
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast

from markus.backends import BackendBase
from redis.exceptions import RedisError

from runtime.ages import Stage, bound_of
from runtime.failures import fields_of

if TYPE_CHECKING:
    from redis import Redis

logger = logging.getLogger(__name__)

_PREFIX = "relay:tally:"
_KEPT_SECONDS = 25 * 3600
_EVERY_SECONDS = 1.0
_AFTER_FAILURE_SECONDS = 10.0

_POSTPONED = frozenset({"parked", "deferred"})
"""The results of messages that the bridge can't judge now."""

AGE = "age:"
"""Before the bound (seconds) that the ages of mails are sorted under when they are settled."""


def counted_as(metric: str, tags: Iterable[str]) -> tuple[str, ...]:
    """Return the names under which the tally counts `metric`; none if it doesn't.

    `not_settled:REASON`, `rejected:REASON`, `failed:REASON` (dead letters) and `held:REASON` are
    counted beside their sums. `bounced` and `complained` are what AWS counts against the account.
    """
    tagged = dict(tag.split(":", 1) for tag in tags if ":" in tag)
    match metric:
        case "emails.outcome" if tagged.get("outcome") == "held" and "reason" in tagged:
            return ("held", f"held:{tagged['reason']}")
        case "emails.outcome" if "outcome" in tagged:
            return (tagged["outcome"],)
        case "emails.not_settled" | "bridge.rejected" | "bridge.failed":
            name = metric.partition(".")[2]
            return (name, f"{name}:{tagged['reason']}") if "reason" in tagged else (name,)
        case "emails.paced":
            return ("paced",)
        case "emails.bounce" if tagged.get("type") == "permanent":
            return ("bounced",)
        case "emails.complaint" if tagged.get("feedback") != "not-spam":
            return ("complained",)
        case "emails.canary" if tagged.get("step") == "forwarded":
            return ("canaries",)
        case "bridge.arrived":
            return ("arrived",)
        case "bridge.taken":
            return _taken_as(tagged.get("result", ""))
        case _:
            return ()


def _taken_as(result: str) -> tuple[str, ...]:
    return ("received", "postponed") if result in _POSTPONED else ("received",)


class Tally(BackendBase):  # type: ignore[misc]
    """A markus backend. `close` it when the process ends, or its last second is lost."""

    def __init__(self, client: "Redis") -> None:
        super().__init__()
        self._redis = client
        self._counts: Counter[tuple[int, str]] = Counter()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._write_on, name="tally", daemon=True)
        self._thread.start()

    def emit(self, record: Any) -> None:
        """Take a metric from markus."""
        if record.stat_type == "incr":
            names, number = counted_as(record.key, record.tags), int(record.value)
        elif record.key == "mail_age" and record.tags == [f"stage:{Stage.SETTLED}"]:
            names, number = (f"{AGE}{bound_of(record.value / 1000)}",), 1
        else:
            return
        if names:
            minute = int(time.time() // 60)
            with self._lock:
                for name in names:
                    self._counts[minute, name] += number

    def write(self) -> bool:
        """Write what was counted since the last write; returns False if Redis failed."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        if not counts:
            return True
        try:
            with self._redis.pipeline(transaction=True) as pipeline:
                for (minute, name), number in counts.items():
                    pipeline.hincrby(f"{_PREFIX}{minute}", name, number)
                for minute in {minute for minute, _ in counts}:
                    pipeline.expire(f"{_PREFIX}{minute}", _KEPT_SECONDS)
                pipeline.execute()
        except RedisError as error:
            with self._lock:
                self._counts += counts
            logger.warning(
                "counts not written",
                extra={**fields_of(error), "count": counts.total()},
            )
            return False
        return True

    def close(self) -> None:
        """Write what is left, and stop."""
        self._closing.set()
        self._thread.join(_AFTER_FAILURE_SECONDS)
        self.write()

    def _write_on(self) -> None:
        succeeded = True
        while not self._closing.wait(_EVERY_SECONDS if succeeded else _AFTER_FAILURE_SECONDS):
            succeeded = self.write()


def find_counts(client: "Redis", minutes: Iterable[int]) -> list[dict[str, int]]:
    """Find the counts of each of these minutes, in one round trip."""
    with client.pipeline(transaction=False) as pipeline:
        for minute in minutes:
            pipeline.hgetall(f"{_PREFIX}{minute}")
        found = cast("list[dict[bytes, bytes]]", pipeline.execute())
    return [{name.decode(): int(number) for name, number in counts.items()} for counts in found]


def sum_counts(client: "Redis", minutes: Iterable[int], names: Sequence[str]) -> Counter[str]:
    """Sum these counts over many minutes, in one round trip."""
    with client.pipeline(transaction=False) as pipeline:
        for minute in minutes:
            pipeline.hmget(f"{_PREFIX}{minute}", list(names))
        found = cast("list[list[bytes | None]]", pipeline.execute())
    return Counter(
        {name: sum(int(counts[at] or 0) for counts in found) for at, name in enumerate(names)}
    )
