"""With METRICS_BACKEND=prometheus, bridge and workers serve their metrics to Prometheus.

With METRICS_NAMES=relay they do so under Firefox Relay's names, too.
"""

import socket
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.conftest import MASK, Relay, wait_for_log
from tests.waiting import wait_until
from tools.local.processes import free_port

Samples = dict[tuple[str, tuple[str, ...]], float]


def scraped(port: int) -> Samples:
    """Scrape: the values by name and labels' values."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
    except OSError:
        return {}
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def on(port: int) -> dict[str, Any]:
    return {
        "METRICS_BACKEND": "prometheus",
        "PROMETHEUS_HOST": "127.0.0.1",
        "PROMETHEUS_PORT": str(port),
        "METRICS_NAMES": "relay",
    }


def test_bridge_and_workers_serve_what_they_did_and_what_waits(relay: Relay) -> None:
    of_bridge, of_workers = free_port(), free_port()
    relay.stack.start_workers(processes=2, **on(of_workers))
    relay.stack.start_bridge(**on(of_bridge))
    relay.redis.zadd("relay:feedback.XQ", {"a dead letter": 1_900_000_000_000})
    for _ in range(6):
        relay.deliver(to=(MASK,))
    relay.aws.put("no envelope")

    # The sum of two processes: each has had some of the six.
    forwarded = ("mail_relay_emails_outcome_total", ("forwarded", "existing_mask"))
    (workers,) = wait_until(
        "six forwarded", lambda: [s for s in (scraped(of_workers),) if s.get(forwarded) == 6]
    )
    for name in ("email_for_active_address", "ses_send_raw_email"):  # as Firefox Relay calls it
        assert workers[f"fx_private_relay_{name}_total", ()] == 6
    assert workers["fx_private_relay_relay_emails_verdicts_dmarc_total", ("pass",)] == 6
    assert workers["mail_relay_redis_queue_dead_letters", ("feedback",)] == 1
    assert workers["mail_relay_processes_alive", ("worker",)] == 2
    assert workers["mail_relay_in_flight", ()] >= 0
    assert workers["mail_relay_email_queue_count", ("mail-dead-letters",)] == 0
    acknowledged = ("mail_relay_bridge_message_total", ("success",))
    (bridge,) = wait_until(
        "six acknowledged",
        lambda: [s for s in (scraped(of_bridge),) if s.get(acknowledged) == 6],
    )
    assert bridge["mail_relay_bridge_rejected_total", ("not_json",)] >= 1
    for name in ("process_message_from_sqs", "sns_inbound"):
        assert bridge[f"fx_private_relay_{name}_total", ()] == 6
    assert bridge["mail_relay_bridge_message_process_time_seconds_count", ()] == 6
    assert bridge["mail_relay_bridge_message_process_time_seconds_sum", ()] < 6 * 30


@pytest.fixture
def taken() -> Iterator[socket.socket]:
    """A port that somebody else listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_a_bridge_whose_port_is_taken_names_it_and_ends(relay: Relay, taken: socket.socket) -> None:
    port = taken.getsockname()[1]

    bridge = relay.stack.start_bridge(**on(port))

    line = wait_for_log(bridge, "metrics can't be served")
    assert line["error"] == f"127.0.0.1, PROMETHEUS_PORT {port}: Address already in use"
    assert bridge.wait(30) == 1


def test_workers_whose_port_is_taken_work_and_serve_when_it_is_free(
    relay: Relay, taken: socket.socket
) -> None:
    port = taken.getsockname()[1]
    workers = relay.stack.start_workers(**on(port))
    wait_for_log(workers, "metrics can't be served")

    taken.close()

    wait_until("metrics", lambda: scraped(port))
