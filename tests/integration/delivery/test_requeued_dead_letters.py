"""A dead letter that an operator requeues is carried out once, and then leaves SQS (P1, P2)."""

import json

from tests.integration.conftest import Relay, wait_for_log
from tests.waiting import wait_until


def test_a_dead_letter_is_delivered_once_after_its_cause_was_mended(relay: Relay) -> None:
    """S3 would not give out the mail; the message has not come again from SQS."""
    relay.gate.refuse(400)
    bridge = relay.stack.start_bridge(PROCESS_EMAIL_VISIBILITY_SECONDS="600")
    workers = relay.stack.start_workers()
    message_id = relay.deliver()
    wait_until("a dead letter", lambda: relay.redis.zcard("relay:inbound.XQ") == 1)

    (told,) = relay.stack.manage("dead_letters", "list", "--json").splitlines()
    assert json.loads(told)["reason"] == "refused:mail_store_rejected"
    assert json.loads(told)["sqs_message_id"] == message_id
    relay.gate.open()
    assert relay.stack.manage("dead_letters", "requeue", "--all", "--yes") == "1 requeued\n"

    relay.wait_for_empty_queue()
    assert len(relay.aws.sent()) == 1
    assert wait_for_log(workers, "settled")["outcome"] == "forwarded"
    assert wait_for_log(bridge, "message processed", sqs_message_id=message_id)
    assert relay.redis.zcard("relay:inbound.XQ") == 0
