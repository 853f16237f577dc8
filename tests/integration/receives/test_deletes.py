"""While SQS's answers to deletes are lost, what has ended is not received again."""

from tests.integration.conftest import Relay, logged
from tests.sqs_gate import DELETE, RECEIVE, SqsGate
from tests.waiting import wait_until

NUMBER = 30
RECOVERY_SECONDS = 10


def test_what_has_ended_is_received_once_though_the_answers_to_its_deletes_are_lost(
    relay: Relay, sqs: SqsGate
) -> None:
    """Only ten were tried at a time, with ever longer waits, and the others were received again."""
    sqs.lost.add(DELETE)
    bridge = relay.stack.start_bridge(
        PROCESS_EMAIL_HEARTBEAT_SECONDS="1", PROCESS_EMAIL_VISIBILITY_SECONDS="4"
    )
    relay.stack.start_workers()
    for _ in range(NUMBER):
        relay.deliver()
    relay.wait_for_sent(NUMBER)

    # Twelve seconds, in which their visibility timeouts would end three times.
    polls = sqs.calls[RECEIVE] + 12
    wait_until("more polls", lambda: sqs.calls[RECEIVE] > polls)
    sqs.lost.clear()

    relay.wait_for_empty_queue(seconds=RECOVERY_SECONDS)
    wait_until(
        "each is counted", lambda: len(logged(bridge, "message processed")) == NUMBER, seconds=10
    )
    assert set(sqs.receives.values()) == {1}
    assert len(relay.aws.sent()) == NUMBER
