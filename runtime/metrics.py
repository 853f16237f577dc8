"""Metrics, set up alike in every process, and sent where the operator chooses."""

from collections.abc import Sequence
from typing import Any

import markus
from markus.backends import BackendBase
from markus.backends.logging import LoggingMetrics

from runtime.config import SharedConfig
from runtime.prometheus import PrometheusMetrics, Zero
from runtime.relay_names import RelayNames
from runtime.tally import Tally


def set_up_metrics(
    config: SharedConfig, tally: Tally | None = None, zeroes: Sequence[Zero] = ()
) -> None:
    """Send the metrics to the configured backend, and to the tally if there is one.

    `zeroes` are the counters that Prometheus is to see before their first event.
    """
    backends = _chosen(config, zeroes)
    if tally is not None:
        backends.append({"class": lambda **_: tally})
    markus.configure(backends, raise_errors=True)


def _chosen(config: SharedConfig, zeroes: Sequence[Zero]) -> list[dict[str, Any]]:
    own = _backend(config, config.statsd_prefix, zeroes)
    if own is None:
        return []
    backends = [{"class": lambda **_: own}]
    if config.metrics_names == "relay":
        theirs = _backend(config, config.relay_metrics_prefix)
        if theirs is not None:
            backends.append({"class": lambda **_: RelayNames(theirs)})
    return backends


def _backend(config: SharedConfig, prefix: str, zeroes: Sequence[Zero] = ()) -> BackendBase | None:
    match config.metrics_backend:
        case "statsd" if config.statsd_host is not None and config.statsd_enabled:
            # Imported late: it brings along a client of Datadog's whole API.
            from markus.backends.datadog import DatadogMetrics

            options = {
                "statsd_host": config.statsd_host,
                "statsd_port": config.statsd_port,
                "statsd_namespace": prefix,
            }
            return DatadogMetrics(options=options)
        case "prometheus":
            return PrometheusMetrics(prefix, zeroes)
        case "logging":
            return LoggingMetrics()
        case _:
            return None
