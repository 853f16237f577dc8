"""Prometheus: translates markus's metrics for prometheus_client, and serves them.

prometheus_client is imported late: when imported, it reads an environment variable that decides
whether it writes to files, and only a worker process sets that variable.
"""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from markus.backends import BackendBase

from runtime.config import SharedConfig

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Counter, Histogram

    _Metric: TypeAlias = Counter | Histogram

_BUCKETS_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600)


def prometheus_name(prefix: str, metric: str, kind: str) -> str:
    """Return a metric's Prometheus name: `bridge.taken` becomes `mail_relay_bridge_taken_total`."""
    ending = {"incr": "_total", "timing": "_seconds", "gauge": ""}[kind]
    return f"{prefix}_{metric}".replace(".", "_") + ending


class PrometheusMetrics(BackendBase):  # type: ignore[misc]
    """A markus backend: counters, and timings as histograms in seconds.

    Gauges are dropped: each of several processes would keep serving the last value it saw.
    """

    def __init__(self, prefix: str) -> None:
        super().__init__()
        self._prefix = prefix
        self._lock = threading.Lock()
        self._made: dict[str, _Metric] = {}

    def emit(self, record: Any) -> None:
        """Record a metric from markus."""
        if record.stat_type == "gauge":
            return
        name = prometheus_name(self._prefix, record.key, record.stat_type)
        labels = dict(tag.split(":", 1) for tag in record.tags)
        make = _counter if record.stat_type == "incr" else _histogram
        metric = self._find_or_make(name, tuple(labels), make)
        if labels:
            metric = metric.labels(**labels)
        if record.stat_type == "incr":
            metric.inc(record.value)
        else:
            metric.observe(record.value / 1000)

    def _find_or_make(
        self, name: str, labels: tuple[str, ...], make: Callable[[str, tuple[str, ...]], "_Metric"]
    ) -> Any:
        with self._lock:
            if name not in self._made:
                self._made[name] = make(name, labels)
            return self._made[name]


def _counter(name: str, labels: tuple[str, ...]) -> "Counter":
    from prometheus_client import Counter

    return Counter(name, name, labels)


def _histogram(name: str, labels: tuple[str, ...]) -> "Histogram":
    from prometheus_client import Histogram

    return Histogram(name, name, labels, buckets=_BUCKETS_SECONDS)


class MetricsNotServed(Exception):
    """The address or port is unavailable; the text says which, and why."""


def serve(config: SharedConfig, registry: "CollectorRegistry | None" = None) -> threading.Thread:
    """Serve this process's metrics, or the given registry's, from a thread."""
    from prometheus_client import REGISTRY, start_http_server

    host, port = config.prometheus_host, config.prometheus_port
    try:
        _, thread = start_http_server(port, host, registry or REGISTRY)
    except OSError as error:
        raise MetricsNotServed(f"{host}, PROMETHEUS_PORT {port}: {error.strerror}") from error
    return thread
