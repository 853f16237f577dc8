"""Who gets the metrics: what METRICS_BACKEND says."""

import dataclasses
import os
from collections.abc import Iterator

import markus.main
import pytest
from markus.main import MetricsRecord
from prometheus_client import REGISTRY
from prometheus_client.exposition import choose_encoder

from relay.config import RelayConfig
from runtime.env import load
from runtime.message_context import MessageContext, about
from runtime.metrics import set_up_metrics
from runtime.prometheus import PrometheusMetrics, prometheus_name

CONFIG = load(RelayConfig, os.environ)


@pytest.fixture(autouse=True)
def backends_as_before() -> Iterator[None]:
    before = markus.main._metrics_backends
    yield
    markus.main._metrics_backends = before


@pytest.mark.parametrize(
    ("chosen", "statsd_host", "backends"),
    [
        ("statsd", "127.0.0.1", ["DatadogMetrics"]),
        ("statsd", None, []),
        ("prometheus", "127.0.0.1", ["PrometheusMetrics"]),
        ("logging", "127.0.0.1", ["LoggingMetrics"]),
        ("none", "127.0.0.1", []),
    ],
)
def test_metrics_go_where_the_operator_wants_them(
    chosen: str, statsd_host: str | None, backends: list[str]
) -> None:
    config = dataclasses.replace(CONFIG, metrics_backend=chosen, statsd_host=statsd_host)

    set_up_metrics(config)

    assert [type(one).__name__ for one in markus.main._metrics_backends] == backends


@pytest.mark.parametrize(
    ("metric", "kind", "name"),
    [
        ("bridge.taken", "incr", "mail_relay_bridge_taken_total"),
        ("bridge.cycle", "timing", "mail_relay_bridge_cycle_seconds"),
        ("in_flight", "gauge", "mail_relay_in_flight"),
        ("emails.size", "histogram", "mail_relay_emails_size_bytes"),
    ],
)
def test_each_metric_has_its_name_in_prometheus(metric: str, kind: str, name: str) -> None:
    assert prometheus_name("mail_relay", metric, kind) == name


@pytest.mark.parametrize(
    ("trace_id", "exemplar"),
    [
        (
            "5759e988bd862e3fe1be46a994272793",
            ' # {trace_id="5759e988bd862e3fe1be46a994272793"} 0.2 ',
        ),
        ("", ""),
        ("x" * 200, ""),
    ],
)
def test_a_timing_leads_to_the_trace_of_its_message(trace_id: str, exemplar: str) -> None:
    name = f"exemplar_{len(trace_id)}"
    backend = PrometheusMetrics(name)

    with about(MessageContext(trace_id=trace_id)):
        backend.emit(MetricsRecord("timing", "mail_age", 200, ["stage:deleted"]))

    encode, _ = choose_encoder("application/openmetrics-text; version=1.0.0")
    told = encode(REGISTRY).decode()
    bucket = f'{name}_mail_age_seconds_bucket{{le="0.25",stage="deleted"}} 1.0'
    (line,) = (one for one in told.splitlines() if one.startswith(bucket))
    assert line.removeprefix(bucket).startswith(exemplar)
    assert ("#" in line) == bool(exemplar)
