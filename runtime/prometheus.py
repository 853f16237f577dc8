"""Prometheus: translates markus's metrics for prometheus_client, and serves them.

prometheus_client is imported late: when imported, it reads an environment variable that decides
whether it writes to files, and only a worker process sets that variable.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from markus.backends import BackendBase

from runtime.config import SharedConfig
from runtime.message_context import current

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Counter, Histogram

    _Metric: TypeAlias = Counter | Histogram

Zero: TypeAlias = tuple[str, Mapping[str, str]]
"""A counter: its name, and its labels."""

_BUCKETS_BYTES = (5_000, 20_000, 100_000, 500_000, 1_000_000, 5_000_000, 10_000_000, 40_000_000)
_BUCKETS_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600, 21600, 86400)
_TRACE_CHARACTERS = 32


def prometheus_name(prefix: str, metric: str, kind: str) -> str:
    """Return a metric's Prometheus name: `bridge.taken` becomes `mail_relay_bridge_taken_total`."""
    ending = {"incr": "_total", "timing": "_seconds", "histogram": "_bytes", "gauge": ""}[kind]
    return f"{prefix}_{metric}".replace(".", "_") + ending


class PrometheusMetrics(BackendBase):  # type: ignore[misc]
    """A markus backend: counters, timings as histograms in seconds, sizes as those in bytes.

    The last timing in each bucket has the trace of the message that its thread worked on, as its
    exemplar, for scrapers that ask for OpenMetrics. Of several processes, prometheus_client
    forgets them.

    `zeroes` are counters that start at 0. One that begins with its first event has no increase at
    that event, and until then a comparison with it is never true.

    Gauges are dropped: each of several processes would keep serving the last value it saw.
    """

    def __init__(self, prefix: str, zeroes: Iterable[Zero] = ()) -> None:
        super().__init__()
        self._prefix = prefix
        self._lock = threading.Lock()
        self._made: dict[str, _Metric] = {}
        self._children: dict[tuple[str, str, tuple[str, ...]], Any] = {}
        for key, labels in zeroes:
            counter = self._find_or_make(
                prometheus_name(prefix, key, "incr"), tuple(labels), _counter
            )
            if labels:
                counter.labels(**labels)

    def emit(self, record: Any) -> None:
        """Record a metric from markus."""
        if record.stat_type not in _MAKE:
            return
        called = record.stat_type, record.key, tuple(record.tags)
        child = self._children.get(called) or self._children.setdefault(called, self._find(*called))
        if record.stat_type == "incr":
            child.inc(record.value)
        elif record.stat_type == "timing":
            child.observe(record.value / 1000, _exemplar())
        else:
            child.observe(record.value)

    def _find(self, kind: str, key: str, tags: tuple[str, ...]) -> Any:
        labels = dict(tag.split(":", 1) for tag in tags)
        name = prometheus_name(self._prefix, key, kind)
        metric = self._find_or_make(name, tuple(labels), _MAKE[kind])
        return metric.labels(**labels) if labels else metric

    def _find_or_make(
        self, name: str, labels: tuple[str, ...], make: Callable[[str, tuple[str, ...]], "_Metric"]
    ) -> Any:
        with self._lock:
            if name not in self._made:
                self._made[name] = make(name, labels)
            return self._made[name]


def _exemplar() -> dict[str, str] | None:
    trace_id = current().trace_id
    return {"trace_id": trace_id} if len(trace_id) == _TRACE_CHARACTERS else None


def _counter(name: str, labels: tuple[str, ...]) -> "Counter":
    from prometheus_client import Counter

    return Counter(name, name, labels)


def _histogram(name: str, labels: tuple[str, ...]) -> "Histogram":
    from prometheus_client import Histogram

    return Histogram(name, name, labels, buckets=_BUCKETS_SECONDS)


def _sizes(name: str, labels: tuple[str, ...]) -> "Histogram":
    from prometheus_client import Histogram

    return Histogram(name, name, labels, buckets=_BUCKETS_BYTES)


_MAKE: "dict[str, Callable[[str, tuple[str, ...]], _Metric]]" = {
    "incr": _counter,
    "timing": _histogram,
    "histogram": _sizes,
}


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
