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
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

from markus.backends import BackendBase
from redis.exceptions import RedisError

if TYPE_CHECKING:
    from redis import Redis

logger = logging.getLogger(__name__)

_PREFIX = "relay:tally:"
_KEPT_SECONDS = 25 * 3600
_EVERY_SECONDS = 1.0
_AFTER_FAILURE_SECONDS = 10.0

_POSTPONED = frozenset({"parked", "deferred"})
"""The results of messages that the bridge can't judge now."""


def counted_as(metric: str, tags: Iterable[str]) -> str | None:
    """Return the name under which the tally counts `metric`; None if it doesn't."""
    tagged = dict(tag.split(":", 1) for tag in tags if ":" in tag)
    match metric:
        case "emails.outcome":
            return tagged.get("outcome")
        case "emails.not_settled":
            return "not_settled"
        case "bridge.rejected":
            return "rejected"
        case "bridge.taken" if tagged.get("result") in _POSTPONED:
            return "postponed"
        case "bridge.message" if tagged.get("result") == "failure":
            return "failed"
        case _:
            return None


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
        if record.stat_type != "incr":
            return
        name = counted_as(record.key, record.tags)
        if name is not None:
            with self._lock:
                self._counts[int(time.time() // 60), name] += int(record.value)

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
                extra={"error_type": type(error).__name__, "count": counts.total()},
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
