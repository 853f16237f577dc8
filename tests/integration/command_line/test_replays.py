"""What lies in SQS's dead-letter queue gets another chance, in one of two ways."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bridge.messages import Handle
from tests.environment import SETTINGS
from tests.integration.conftest import MAIL, OWNER, Relay, logged
from tests.ledger import put_in_flight
from tests.waiting import wait_until
from tools.aws.fast_aws import Arrived, FastAws
from tools.local import processes
from tools.local.aws import MAX_RECEIVES, LocalAws, SimulatedAws

ROOT = Path(__file__).parents[3]


def test_the_dead_letter_queue_is_worked_off_with_the_same_code(relay: Relay) -> None:
    """Its messages are forgiven how often they killed a worker: whoever runs this says so.

    What is in flight meanwhile from the queue itself, it need not wait for: there always is some.
    """
    other, now_ms = Handle("other", "handle"), int(time.time() * 1000)
    put_in_flight(relay.redis, other, actor_queue="nobodys", now_ms=now_ms, lifetime_seconds=600)
    relay.aws.deliver(MAIL, ["x7k2@masks.example"])
    (body,) = relay.aws.sqs.receive_message(QueueUrl=relay.aws.queue_url)["Messages"]
    relay.aws.sqs.purge_queue(QueueUrl=relay.aws.queue_url)
    dead = relay.aws.sqs.send_message(
        QueueUrl=relay.aws.dead_letter_queue_url, MessageBody=body["Body"]
    )
    relay.redis.set(f"relay:starts:{dead['MessageId']}", 99)
    relay.stack.start_workers()

    bridge = relay.stack.start_bridge("--queue", "dlq", "--drain")

    assert bridge.wait(40) == 0
    assert [mail.recipients for mail in relay.aws.sent()] == [(OWNER,)]
    assert relay.aws.count(relay.aws.dead_letter_queue_url) == 0
    (end,) = logged(bridge, "bridge stopped")
    assert (end["exit_on"], end["succeeded"]) == ("drained", 1)


def test_a_dead_letter_queue_that_is_not_set_is_named(relay: Relay) -> None:
    bridge = relay.stack.start_bridge("--queue", "dlq", AWS_SQS_EMAIL_DLQ_URL="")
    assert bridge.wait(20) == 2
    assert "--queue dlq: AWS_SQS_EMAIL_DLQ_URL is not set" in bridge.log.read_text()


def redrive(
    aws: SimulatedAws, *arguments: str, **settings: str
) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"], "DATABASE_URL": "postgresql://x@127.0.0.1:1/x"}
    command = [sys.executable, str(ROOT / "manage.py"), "redrive", *arguments]
    return processes.run(command, environ | SETTINGS | aws.environ() | settings)


def bury(aws: FastAws, number: int) -> FastAws:
    """Let so many messages fail until SQS moves them to its dead-letter queue."""
    aws.load(Arrived(bodies=[f"message {one}" for one in range(number)]))

    def all_dead() -> bool:
        aws.message_ids(aws.queue_url)
        return aws.count(aws.dead_letter_queue_url) == number

    for _ in range(MAX_RECEIVES * number // 10):
        aws.message_ids(aws.queue_url)
    wait_until("dead letters", all_dead)
    return aws


def test_a_redrive_shows_its_progress_until_all_is_moved(fast_aws: FastAws) -> None:
    letters = bury(fast_aws, 5)

    done = redrive(letters)

    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "completed: 5 of about 5 messages moved"
    assert letters.count(letters.queue_url) == 5
    assert letters.count(letters.dead_letter_queue_url) == 0


def test_a_redrive_can_be_looked_at_and_stopped(fast_aws: FastAws) -> None:
    # At one a second, five minutes: longer than the commands below take, however busy the machine.
    letters = bury(fast_aws, 300)

    assert redrive(letters, "--status").stdout == "No task was started yet.\n"
    assert "running" in redrive(letters, "--per-second", "1", "--no-wait").stdout

    again = redrive(letters)
    assert again.returncode == 1
    assert "InvalidParameterValue" in again.stderr

    stopped = redrive(letters, "--cancel")
    assert stopped.stdout.startswith("cancel")
    assert letters.count(letters.dead_letter_queue_url) > 0
    none = redrive(letters, "--cancel")
    assert "No task is running; the last one is cancel" in none.stderr


@pytest.mark.parametrize(
    ("arguments", "settings", "told"),
    [
        (["--per-second", "501"], {}, "'501' is not a number from 1 to 500"),
        ([], {"AWS_SQS_EMAIL_DLQ_URL": ""}, "AWS_SQS_EMAIL_DLQ_URL is not set"),
        ([], {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "EndpointConnectionError"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(
    fast_aws: FastAws, arguments: list[str], settings: dict[str, str], told: str
) -> None:
    done = redrive(fast_aws, *arguments, **settings)
    assert done.returncode != 0
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_page_in_the_place_of_an_answer_is_told_in_a_line(aws: LocalAws) -> None:
    """moto has no move tasks, and says so in HTML."""
    done = redrive(aws, "--status", AWS_MAX_ATTEMPTS="1")

    assert done.stderr == (
        "CommandError: ListMessageMoveTasks got 500 and a page of HTML: this is not SQS's answer\n"
    )
