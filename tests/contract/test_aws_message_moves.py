"""Moving dead letters back to their queue, as AWS documents it; moto has no such tasks."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.waiting import wait_until
from tools.aws.fast_aws import FastAws
from tools.local.aws import MAX_RECEIVES

MAIL = "arn:aws:sqs:us-east-1:123456789012:mail"
DEAD_LETTERS = f"{MAIL}-dead-letters"


@pytest.fixture
def letters(fast_aws: FastAws) -> FastAws:
    """Five dead letters, and nothing else."""
    bodies = [f"message {number}" for number in range(5)]
    for body in bodies:
        fast_aws.put(body)
    for _ in range(MAX_RECEIVES + 1):
        fast_aws.message_ids(fast_aws.queue_url)
    assert fast_aws.count(fast_aws.dead_letter_queue_url) == 5
    return fast_aws


def task(aws: FastAws) -> Any:
    return aws.sqs.list_message_move_tasks(SourceArn=DEAD_LETTERS)["Results"][0]


def wait_for(aws: FastAws, status: str) -> Any:
    wait_until(f"a task that is {status}", lambda: task(aws)["Status"] == status, 10)
    return task(aws)


def test_dead_letters_go_back_to_where_they_came_from(letters: FastAws) -> None:
    before = letters.message_ids(letters.dead_letter_queue_url)

    letters.sqs.start_message_move_task(SourceArn=DEAD_LETTERS)

    ended = wait_for(letters, "COMPLETED")
    assert ended["ApproximateNumberOfMessagesMoved"] == 5
    assert ended["ApproximateNumberOfMessagesToMove"] == 5
    assert "TaskHandle" not in ended
    assert letters.count(letters.dead_letter_queue_url) == 0
    after = letters.message_ids(letters.queue_url)
    assert len(after) == 5
    assert not after & before, "to SQS, a message that is moved back is a new one"


def test_a_task_moves_as_many_a_second_as_it_may_and_can_be_cancelled(letters: FastAws) -> None:
    handle = letters.sqs.start_message_move_task(
        SourceArn=DEAD_LETTERS, DestinationArn=MAIL, MaxNumberOfMessagesPerSecond=1
    )["TaskHandle"]
    running = task(letters)
    assert running["Status"] == "RUNNING"
    assert running["TaskHandle"] == handle

    cancelled = letters.sqs.cancel_message_move_task(TaskHandle=handle)

    assert cancelled["ApproximateNumberOfMessagesMoved"] < 5
    assert task(letters)["Status"] == "CANCELLED"
    assert letters.count(letters.dead_letter_queue_url) > 0


def test_a_message_that_is_no_dead_letter_stops_the_task_that_knows_no_other_place(
    fast_aws: FastAws,
) -> None:
    fast_aws.sqs.send_message(QueueUrl=fast_aws.dead_letter_queue_url, MessageBody="put by hand")

    fast_aws.sqs.start_message_move_task(SourceArn=DEAD_LETTERS)

    assert wait_for(fast_aws, "FAILED")["FailureReason"] == "CouldNotDetermineMessageSource"
    assert fast_aws.count(fast_aws.dead_letter_queue_url) == 1


def _start_two(sqs: Any) -> None:
    for _ in range(2):
        sqs.start_message_move_task(SourceArn=DEAD_LETTERS, MaxNumberOfMessagesPerSecond=1)


@pytest.mark.parametrize(
    ("expected", "call"),
    [
        ("InvalidParameterValue", lambda sqs: sqs.start_message_move_task(SourceArn=MAIL)),
        ("InvalidParameterValue", _start_two),
        (
            "ResourceNotFoundException",
            lambda sqs: sqs.start_message_move_task(SourceArn=f"{MAIL}-not"),
        ),
        ("ResourceNotFoundException", lambda sqs: sqs.cancel_message_move_task(TaskHandle="x")),
    ],
    ids=["not a dead-letter queue", "two at once", "no such queue", "no such task"],
)
def test_what_can_not_be_moved(
    letters: FastAws, expected: str, call: Callable[[Any], object]
) -> None:
    with pytest.raises(ClientError) as error:
        call(letters.sqs)

    assert error.value.response["Error"]["Code"] == expected
