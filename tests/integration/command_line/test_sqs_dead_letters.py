"""`manage.py sqs_dead_letters` on a real relay: look, put back, delete, clear. Nothing is lost."""

import json

import pytest

from tests.integration.conftest import MAIL, MASK, OWNER, Relay
from tools.local.stack import CommandFailed


@pytest.mark.timeout(300)
def test_each_kind_is_recognised_and_handled_and_no_mail_is_lost(relay: Relay) -> None:
    finished, unfinished = two_bodies(relay)
    put(relay, relay.aws.queue_url, finished)
    relay.stack.start_bridge()
    relay.stack.start_workers()
    relay.wait_for_sent(1)
    dead = relay.aws.dead_letter_queue_url
    ids = {name: put(relay, dead, body) for name, body in (
        ("finished", finished), ("unknown", unfinished), ("rejected:not_json", "nonsense"),
    )}  # fmt: skip

    listed = [json.loads(line) for line in run(relay, "list", "--json").splitlines()]
    assert {one["sqs_message_id"]: one["reason"] for one in listed} == {
        sqs_id: reason for reason, sqs_id in ids.items()
    }
    shown = run(relay, "show", ids["unknown"])
    assert '"notificationType": "Received"' in shown
    for secret in (MASK, OWNER, "Subject"):
        assert secret not in shown

    assert run(relay, "clear", "--yes") == "1 deleted\n"
    assert run(relay, "delete", "--reason", "rejected", "--yes") == "1 deleted\n"
    with pytest.raises(CommandFailed, match="Not all were there"):
        run(relay, "redrive", "MISSING", "--yes")
    with pytest.raises(CommandFailed, match="Say which to redrive"):
        run(relay, "redrive", "--yes")
    assert run(relay, "redrive", ids["unknown"], "--yes") == "1 redriven\n"

    relay.wait_for_sent(2)
    relay.wait_for_empty_queue()
    assert relay.aws.count(dead) == 0
    assert len(relay.aws.sent()) == 2


def two_bodies(relay: Relay) -> list[str]:
    """Return the bodies of two mails' messages, which nobody has received yet."""
    found: list[str] = []
    for _ in range(2):
        relay.deliver(MAIL)
        (message,) = relay.aws.sqs.receive_message(QueueUrl=relay.aws.queue_url)["Messages"]
        found.append(message["Body"])
    relay.aws.sqs.purge_queue(QueueUrl=relay.aws.queue_url)
    return found


def put(relay: Relay, queue_url: str, body: str) -> str:
    return str(relay.aws.sqs.send_message(QueueUrl=queue_url, MessageBody=body)["MessageId"])


def run(relay: Relay, *arguments: str) -> str:
    return relay.stack.manage("sqs_dead_letters", *arguments)
