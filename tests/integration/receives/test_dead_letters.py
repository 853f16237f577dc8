"""A dead-lettered message is not received again and again until SQS gives it up."""

from bridge.ledger import keys
from tests.integration.conftest import Relay, wait_for_log
from tests.sqs_gate import RECEIVE, SqsGate
from tests.waiting import wait_until

VISIBILITY_SECONDS = 5


def test_a_dead_lettered_message_is_received_once_and_deleted_after_its_requeue(
    relay: Relay, sqs: SqsGate
) -> None:
    message_id = relay.deliver()
    relay.redis.set(keys.attempts(message_id), 99)  # it has killed its workers
    bridge = relay.stack.start_bridge(PROCESS_EMAIL_VISIBILITY_SECONDS=str(VISIBILITY_SECONDS))
    relay.stack.start_workers()
    wait_for_log(bridge, "message failed", sqs_message_id=message_id)

    # Each poll takes a second, so its visibility timeout would end three times over.
    polls = sqs.calls[RECEIVE] + 3 * VISIBILITY_SECONDS
    wait_until("so many polls", lambda: sqs.calls[RECEIVE] > polls)
    assert sqs.receives[message_id] == 1

    assert relay.stack.manage("dead_letters", "requeue", "--all", "--yes") == "1 requeued\n"
    relay.wait_for_empty_queue()
    assert len(relay.aws.sent()) == 1
    assert sqs.receives[message_id] == 1
