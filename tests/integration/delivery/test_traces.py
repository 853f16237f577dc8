"""OpenTelemetry on whole processes, with a collector that decodes what it gets."""

import socket
from pathlib import Path

import pytest

from tests.collector import Collector, of_queue
from tests.integration.conftest import MASK, OWNER, Relay, children, logged, wait_for_log
from tools.local.processes import Process, free_port

ATTEMPT = "process inbound"
HEADER = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


def test_a_mail_is_one_trace_that_its_log_lines_name(relay: Relay, collector: Collector) -> None:
    bridge, workers = relay.stack.start_bridge(), relay.stack.start_workers()

    message_id = relay.deliver()

    (taken,) = collector.wait_for(of_queue("process", relay.aws.queue_url))
    (receive,) = collector.wait_for(of_queue("receive", relay.aws.queue_url))
    (attempt,) = collector.wait_for(ATTEMPT)
    (delivery,) = collector.wait_for("deliver")
    calls = [*collector.wait_for("call s3"), *collector.wait_for("call ses")]
    assert {one.trace_id for one in (taken, attempt, delivery, *calls)} == {taken.trace_id}
    assert (taken.service, attempt.service) == ("mail-relay-bridge", "mail-relay-worker")
    assert (taken.parent_id, attempt.parent_id) == ("", taken.span_id)
    assert delivery.parent_id == attempt.span_id
    assert (taken.links, receive.links) == ((receive.span_id,), (taken.span_id,))
    assert receive.attributes["messaging.batch.message_count"] == 1
    assert taken.attributes["relay.disposition"] == "enqueued"
    assert attempt.attributes["relay.result"] == "done"
    steps = {f"relay.{word}" for word in ("claimed", "mask", "sent", "settled")}
    assert steps <= delivery.attributes.keys()
    assert str(delivery.attributes["relay.settled"]).startswith("forwarded existing_mask ")
    assert not any(one.is_failed for one in collector.spans)
    settled = wait_for_log(workers, "settled")
    processed = wait_for_log(bridge, "message processed")
    assert settled["trace_id"] == processed["trace_id"] == taken.trace_id
    ids = {name: settled[name] for name in ("sqs_message_id", "sns_message_id", "mail_id")}
    assert ids["sqs_message_id"] == message_id
    assert ids.items() <= taken.attributes.items()
    assert ids.items() <= attempt.attributes.items()


def test_a_mail_that_waits_and_fails_is_one_trace_and_nothing_of_it_is_sent(
    relay: Relay, collector: Collector
) -> None:
    relay.gate.refuse(503)
    relay.stack.start_bridge()
    workers = relay.stack.start_workers()
    relay.deliver()
    wait_for_log(workers, "not settled")
    relay.gate.open()
    relay.wait_for_empty_queue(seconds=60)

    (taken,) = collector.wait_for(of_queue("process", relay.aws.queue_url))
    attempts = collector.wait_for(ATTEMPT, 2)
    assert {one.trace_id for one in attempts} == {taken.trace_id}
    assert {one.parent_id for one in attempts} == {taken.span_id}
    assert [one.attributes["relay.attempt"] for one in attempts] == [*range(1, len(attempts) + 1)]
    first, last = attempts[0], attempts[-1]
    assert (first.attributes["relay.result"], first.is_failed) == ("to_be_retried", True)
    assert first.attributes["error.type"] == "mail_store_unavailable"
    assert (last.attributes["relay.result"], last.is_failed) == ("done", False)
    relay.stack.stop()
    assert str(attempts[0].attributes["mail_id"]) in collector.raw.decode(errors="replace")
    for secret in ("swordfish", "ann@sender.example", OWNER, MASK):
        assert secret.encode() not in collector.raw
    assert "@" not in str(collector.spans)


def test_a_batch_leads_to_each_mail_and_an_x_ray_header_names_the_trace(
    relay: Relay, collector: Collector
) -> None:
    for _ in range(3):
        relay.deliver()
    message = relay.aws.sqs.receive_message(QueueUrl=relay.aws.queue_url, VisibilityTimeout=0)
    body = message["Messages"][0]["Body"]
    relay.aws.sqs.send_message(
        QueueUrl=relay.aws.queue_url,
        MessageBody=body,
        MessageSystemAttributes={"AWSTraceHeader": {"DataType": "String", "StringValue": HEADER}},
    )
    relay.stack.start_bridge()
    relay.stack.start_workers()

    taken = collector.wait_for(of_queue("process", relay.aws.queue_url), 4)
    relay.stack.stop()

    receives = collector.named(of_queue("receive", relay.aws.queue_url))
    assert {link for one in receives for link in one.links} == {one.span_id for one in taken}
    assert {link for one in taken for link in one.links} == {one.span_id for one in receives}
    (theirs,) = [one for one in taken if one.parent_id]
    assert (theirs.trace_id, theirs.parent_id) == (
        "5759e988bd862e3fe1be46a994272793",
        "53995c3f42cd8ad8",
    )
    assert len({one.trace_id for one in taken}) == 4


def test_a_collector_that_is_away_costs_no_mail_and_is_said_once(relay: Relay) -> None:
    bridge, workers = start_with(relay, f"http://127.0.0.1:{free_port()}", timeout_seconds=1)
    for _ in range(20):
        relay.deliver()

    relay.wait_for_sent(20)
    relay.wait_for_empty_queue()

    for process in (bridge, workers):
        said = wait_for_log(process, "spans not exported")
        assert said["level"] == "warning"
        assert stops(process)
        assert len(logged(process, "spans not exported")) == 1


def test_a_collector_that_never_answers_delays_no_mail_and_no_stop(relay: Relay) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        processes = start_with(relay, endpoint, timeout_seconds=600)
        for _ in range(20):
            relay.deliver()

        relay.wait_for_sent(20)
        relay.wait_for_empty_queue()

        assert all(map(stops, processes))


def start_with(relay: Relay, endpoint: str, *, timeout_seconds: int) -> tuple[Process, Process]:
    relay.stack.environ |= {
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_EXPORTER_OTLP_TIMEOUT": str(timeout_seconds),
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }
    return relay.stack.start_bridge(), relay.stack.start_workers()


def stops(process: Process) -> bool:
    process.ask_to_stop()
    return process.wait(30) == 0


@pytest.mark.parametrize("is_on", [True, False], ids=["on", "off"])
def test_off_nothing_of_it_is_loaded(relay: Relay, collector: Collector, is_on: bool) -> None:
    if not is_on:
        del relay.stack.environ["OTEL_EXPORTER_OTLP_ENDPOINT"]
    bridge, workers = relay.stack.start_bridge(), relay.stack.start_workers()
    relay.deliver()
    relay.wait_for_empty_queue()

    assert has_loaded_protobuf(bridge.pid) is is_on
    assert any(map(has_loaded_protobuf, children(workers))) is is_on
    assert ("trace_id" in wait_for_log(workers, "settled")) is is_on


def has_loaded_protobuf(pid: int) -> bool:
    """Whether a process has loaded the compiled part of what only the exporter needs."""
    return "/google/_upb/" in Path(f"/proc/{pid}/maps").read_text()
