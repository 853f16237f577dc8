"""The metrics of the workers, which are several processes of one master.

Each worker counts for the dashboard. For Prometheus each writes to files; a process beside the
workers adds them up and serves the sums. It also serves the gauges, which it reads at each scrape,
so they are always current.
"""

import logging
import logging.config
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import dramatiq

from emails.values.outcomes import REASONS_BY_NAME, RefuseReason, RetryReason
from relay.config import RelayConfig
from relay.operations.read_gauges import read_gauges
from runtime.env import load
from runtime.logging import logging_settings
from runtime.metrics import set_up_metrics
from runtime.prometheus import MetricsNotServed, Zero, prometheus_name, serve
from runtime.redis_client import connect_fail_fast
from runtime.tally import Tally

if TYPE_CHECKING:
    from prometheus_client.metrics_core import GaugeMetricFamily

logger = logging.getLogger(__name__)

ZEROES: list[Zero] = [
    *(
        ("emails.outcome", {"outcome": name, "reason": str(reason)})
        for name, reasons in REASONS_BY_NAME.items()
        for reason in reasons
    ),
    *(
        ("emails.not_settled", {"reason": str(reason), "code": "none"})
        for reason in (*RetryReason, *RefuseReason)
    ),
    *((name, {}) for name in ("emails.paced", "emails.not_counted", "emails.mails_not_deleted")),
    ("operations.dead_letters_dropped", {}),
]
"""The counters of a worker that start at 0."""

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that makes prometheus_client write to files, if set before the import."""

_RETRY_SECONDS = 5.0


class Metrics(dramatiq.Middleware):
    """Counts in worker processes and has their metrics served; does nothing in other processes."""

    def __init__(self, config: RelayConfig) -> None:
        self._config = config
        self._is_served = config.metrics_backend == "prometheus"
        self._tally: Tally | None = None

    @property
    def forks(self) -> list[Callable[[], int]]:
        """The functions that Dramatiq's master runs in processes beside the workers."""
        return [serve_workers] if self._is_served else []

    def after_process_boot(self, broker: dramatiq.Broker) -> None:
        """Start counting."""
        if self._is_served:
            _use_files()
        self._tally = Tally(connect_fail_fast(self._config.redis_url))
        set_up_metrics(self._config, self._tally, ZEROES)

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Write the last counts, now that all messages have ended."""
        if self._tally is not None:
            self._tally.close()


class Gauges:
    """A collector that reads all gauges at each scrape."""

    def __init__(self, config: RelayConfig) -> None:
        self._config = config
        self._redis = connect_fail_fast(config.redis_url)

    def collect(self) -> Iterator["GaugeMetricFamily"]:
        """Read them. A source that is down only hides its own gauges."""
        from prometheus_client.metrics_core import GaugeMetricFamily

        families: dict[str, GaugeMetricFamily] = {}
        for gauge in read_gauges(self._redis, self._config):
            name = prometheus_name(self._config.statsd_prefix, gauge.name, "gauge")
            labels, values = ([gauge.tag[0]], [gauge.tag[1]]) if gauge.tag else ([], [])
            family = families.setdefault(name, GaugeMetricFamily(name, name, labels=labels))
            family.add_metric(values, gauge.value)
        yield from families.values()


def serve_workers() -> int:
    """Serve the workers' metrics until their master ends this process.

    While the port is taken, as by an older master that is still stopping, keep trying: the master
    would not restart this process.
    """
    _use_files()
    from prometheus_client import CollectorRegistry
    from prometheus_client.multiprocess import MultiProcessCollector

    config = load(RelayConfig, os.environ)
    logging.config.dictConfig(logging_settings(config.log_format, verbosity=2))
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    registry.register(Gauges(config))
    try:
        while True:
            try:
                serve(config, registry).join()
            except MetricsNotServed as error:
                logger.error("metrics can't be served", extra={"error": str(error)})
            time.sleep(_RETRY_SECONDS)
    finally:
        shutil.rmtree(_folder(), ignore_errors=True)


def _use_files() -> None:
    _folder().mkdir(exist_ok=True)
    os.environ[_FOLDER] = str(_folder())


def _folder() -> Path:
    """The folder shared by the children of this process's parent, Dramatiq's master."""
    return Path(tempfile.gettempdir()) / f"mail-relay-metrics-{os.getppid()}"
