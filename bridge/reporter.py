"""How the bridge reports on itself: log lines, the health file, and a heartbeat in Redis."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import reduce

import markus
from redis.exceptions import RedisError

from bridge import health_file
from bridge.config import BridgeConfig
from bridge.dispositions import Cycle, Disposition
from bridge.ledger.heartbeats import Heartbeats, Process, Role
from bridge.ports import Queue, QueueCounts, QueueUnavailable, QueueUnusable
from bridge.sns.reject_reasons import RejectReason
from bridge.totals import Totals
from runtime.failures import fields_of
from runtime.prometheus import Zero

logger = logging.getLogger(__name__)
metrics = markus.get_metrics("bridge")

ZEROES: list[Zero] = [
    *(("bridge.taken", {"result": str(one)}) for one in Disposition),
    *(("bridge.rejected", {"reason": str(one)}) for one in RejectReason),
    *(("bridge.message", {"result": one}) for one in ("success", "failure")),
    ("bridge.arrived", {}),
    ("bridge.lost_by_redis", {}),
]
"""The counters of a bridge that start at 0."""

_COUNT_EVERY_SECONDS = 30.0
_BEAT_EVERY_SECONDS = 5.0


class Reporter:
    """Used by the poller's thread; when that has ended, by the main thread for the exit line."""

    def __init__(
        self,
        config: BridgeConfig,
        queue: Queue,
        heartbeats: Heartbeats,
        totals: Sequence[Totals],
        find_oldest_ms: Sequence[Callable[[], int | None]] = (),
    ) -> None:
        self._health_path = config.health_path
        self._queue = queue
        self._heartbeats = heartbeats
        self._process = Process(Role.BRIDGE, config.health_max_age_seconds)
        self._totals = totals
        self._find_oldest_ms = find_oldest_ms
        self._cycles = Totals()
        self._started = time.monotonic()
        self._counted_at = self._beat_at = float("-inf")

    def after_cycle(self, cycle: Cycle, cycle_seconds: float) -> None:
        """Log a cycle, every half minute with the queue's length, and record progress."""
        self._cycles.increase(cycles=1)
        fields: dict[str, object] = {
            "cycle_num": self._cycles.cycles,
            "cycle_s": round(cycle_seconds, 3),
            "sqs_poll_s": round(cycle.poll_seconds, 3),
            "process_s": round(cycle.process_seconds, 3),
            "message_count": cycle.received,
            "message_total": sum(one.received for one in self._totals),
            "failed_count": cycle.failed,
        }
        fields |= self._count()
        logger.info(
            "cycle", extra=fields | {str(name): n for name, n in cycle.dispositions.items()}
        )
        metrics.timing("cycle", cycle_seconds * 1000)
        self.note_progress()

    def note_progress(self) -> None:
        """Write the health file, if one is configured, and a heartbeat every few seconds."""
        if self._health_path is not None:
            try:
                health_file.write(self._health_path, datetime.now(UTC), self._as_fields())
            except OSError as error:
                logger.warning("health file not written", extra={"error": error.strerror})
        if time.monotonic() - self._beat_at >= _BEAT_EVERY_SECONDS:
            self._beat_at = time.monotonic()
            self._beat()

    def at_exit(self, exit_on: str, left_in_flight: int) -> None:
        """Log the totals, and what is left for the workers and the other bridges."""
        self._leave()
        fields: dict[str, object] = {
            "exit_on": exit_on,
            "total_s": round(time.monotonic() - self._started, 3),
            "left_in_flight": left_in_flight,
        }
        logger.info("bridge stopped", extra=fields | self._as_fields())

    def _as_fields(self) -> dict[str, int]:
        return reduce(Totals.add, self._totals, self._cycles).as_fields()

    def _beat(self) -> None:
        try:
            self._heartbeats.beat(self._process, self._as_fields(), self._oldest_ms())
        except RedisError as error:
            logger.warning("heartbeat not written", extra=fields_of(error))

    def _oldest_ms(self) -> int | None:
        found = (find() for find in self._find_oldest_ms)
        return min((one for one in found if one is not None), default=None)

    def _leave(self) -> None:
        try:
            self._heartbeats.leave(self._process)
        except RedisError as error:
            logger.warning("heartbeat not removed", extra=fields_of(error))

    def _count(self) -> dict[str, object]:
        """Ask SQS for the queue's length, at most every half minute; empty in between.

        An old number in a new log line would be charted as a current one.
        """
        if time.monotonic() - self._counted_at < _COUNT_EVERY_SECONDS:
            return {}
        started = time.monotonic()
        self._counted_at = started
        try:
            counts = self._queue.count()
        except (QueueUnavailable, QueueUnusable) as error:
            logger.warning("queue not counted", extra={"client_error_code": error.code})
            return {}
        return {**_fields(counts), "queue_load_s": round(time.monotonic() - started, 3)}


def _fields(counts: QueueCounts) -> dict[str, int]:
    numbers = asdict(counts)
    return {
        "queue_count": numbers["visible"],
        "queue_count_delayed": numbers["delayed"],
        "queue_count_not_visible": numbers["not_visible"],
    }
