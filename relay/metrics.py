"""Metrics, set up alike in every process."""

from typing import Any

import dramatiq
import markus

from bridge.broker import connect_impatiently
from relay.config import SharedConfig
from relay.tally import Tally


def set_up_metrics(config: SharedConfig, tally: Tally | None = None) -> None:
    """Send the metrics to statsd, if there is one, and hand them to the tally, if one is given."""
    backends: list[dict[str, Any]] = []
    if config.statsd_host is not None:
        backends.append(
            {
                "class": "markus.backends.datadog.DatadogMetrics",
                "options": {
                    "statsd_host": config.statsd_host,
                    "statsd_port": config.statsd_port,
                    "statsd_namespace": config.statsd_prefix,
                },
            }
        )
    if tally is not None:
        backends.append({"class": lambda **_: tally})
    markus.configure(backends, raise_errors=True)


class Metrics(dramatiq.Middleware):
    """Counts in worker processes; elsewhere nothing happens that the dashboard counts."""

    def __init__(self, config: SharedConfig) -> None:
        self._config = config
        self._tally: Tally | None = None

    def after_process_boot(self, broker: dramatiq.Broker) -> None:
        """Start to count."""
        self._tally = Tally(connect_impatiently(self._config.redis_url))
        set_up_metrics(self._config, self._tally)

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Write the last counts: all messages have ended."""
        if self._tally is not None:
            self._tally.close()
