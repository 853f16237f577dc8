"""Bridges stop, are killed and start again; what they leave in flight is not received again."""

import signal

import pytest

from tests.integration.conftest import Relay, wait_for_log
from tests.sqs_gate import RECEIVE, SqsGate
from tests.waiting import wait_until
from tools.local.processes import Process

NUMBER = 12
SETTINGS = {
    "PROCESS_EMAIL_GRACE_SECONDS": "0",
    "PROCESS_EMAIL_HEARTBEAT_SECONDS": "1",
    "PROCESS_EMAIL_VISIBILITY_SECONDS": "6",
}


def start_bridge(relay: Relay) -> Process:
    bridge = relay.stack.start_bridge(**SETTINGS)
    wait_for_log(bridge, "cycle")
    return bridge


@pytest.mark.parametrize("order", [signal.SIGTERM, signal.SIGKILL])
def test_what_is_in_flight_while_all_bridges_are_replaced_is_received_once(
    relay: Relay, sqs: SqsGate, order: signal.Signals
) -> None:
    relay.gate.hold()
    relay.stack.start_workers()
    bridges = [start_bridge(relay), start_bridge(relay)]
    for _ in range(NUMBER):
        relay.deliver()
    wait_until("all in flight", lambda: relay.redis.zcard("relay:in-flight") == NUMBER)

    for bridge in bridges:
        bridge.send(order)
        bridge.wait(10)
        wait_for_polls(sqs, 4)
        start_bridge(relay)

    # Eight seconds of two bridges, in which visibility timeouts would end.
    wait_for_polls(sqs, 16)
    relay.gate.open()
    relay.wait_for_empty_queue()
    assert len(relay.aws.sent()) == NUMBER
    assert set(sqs.receives.values()) == {1}


def test_a_bridge_that_starts_after_the_last_has_stopped_adopts_before_it_receives(
    relay: Relay, sqs: SqsGate
) -> None:
    relay.gate.hold()
    relay.stack.start_workers()
    bridge = start_bridge(relay)
    relay.deliver()
    wait_for_log(bridge, "cycle", enqueued=1)
    bridge.send(signal.SIGTERM)
    bridge.wait(10)

    successor = start_bridge(relay)

    wait_for_log(successor, "messages adopted", message_count=1)
    relay.gate.open()
    relay.wait_for_empty_queue()
    assert set(sqs.receives.values()) == {1}


def wait_for_polls(sqs: SqsGate, number: int) -> None:
    """Wait for so many receives that bring nothing; each takes a second."""
    polls = sqs.calls[RECEIVE] + number
    wait_until("more polls", lambda: sqs.calls[RECEIVE] > polls)
