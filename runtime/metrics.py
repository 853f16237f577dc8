"""Metrics, set up alike in every process, and sent where the operator chooses."""

from typing import Any

import markus

from runtime.config import SharedConfig
from runtime.prometheus import PrometheusMetrics
from runtime.tally import Tally


def set_up_metrics(config: SharedConfig, tally: Tally | None = None) -> None:
    """Send the metrics to the configured backend, and to the tally if there is one."""
    backends = _chosen(config)
    if tally is not None:
        backends.append({"class": lambda **_: tally})
    markus.configure(backends, raise_errors=True)


def _chosen(config: SharedConfig) -> list[dict[str, Any]]:
    match config.metrics_backend:
        case "statsd" if config.statsd_host is not None:
            options = {
                "statsd_host": config.statsd_host,
                "statsd_port": config.statsd_port,
                "statsd_namespace": config.statsd_prefix,
            }
            return [{"class": "markus.backends.datadog.DatadogMetrics", "options": options}]
        case "prometheus":
            return [{"class": lambda **_: PrometheusMetrics(config.statsd_prefix)}]
        case "logging":
            return [{"class": "markus.backends.logging.LoggingMetrics"}]
        case _:
            return []
