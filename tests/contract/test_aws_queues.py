"""SQS as boto3 sees it: the fast local AWS does what moto does, or what AWS does and moto does not.

What the queue's own time does is waited for with the shortest time that SQS knows, a second.
"""

import hashlib
import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.conftest import moto_differs
from tests.polling import poll_under_way
from tests.waiting import wait_until
from tools.local.aws import MAX_RECEIVES, SimulatedAws

GARBAGE = "no receipt handle"

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef


def receive(aws: SimulatedAws, **options: Any) -> list[dict[str, Any]]:
    wanted: dict[str, Any] = {"QueueUrl": aws.queue_url, "MaxNumberOfMessages": 10} | options
    answer: Any = aws.sqs.receive_message(**wanted)
    messages: list[dict[str, Any]] = answer.get("Messages", [])
    return messages


def received_handle(aws: SimulatedAws, **options: Any) -> str:
    """Receive the only message; gives its receipt handle."""
    (message,) = receive(aws, **options)
    handle: str = message["ReceiptHandle"]
    return handle


def counted(aws: SimulatedAws, *places: str) -> tuple[int, ...]:
    names: list[Any] = [f"ApproximateNumberOfMessages{place}" for place in places]
    answer: Any = aws.sqs.get_queue_attributes(QueueUrl=aws.queue_url, AttributeNames=names)
    return tuple(int(answer["Attributes"][name]) for name in names)


def counts(aws: SimulatedAws) -> tuple[int, ...]:
    """Count the messages that wait and those that are hidden."""
    return counted(aws, "", "NotVisible")


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return error.value.response["Error"]["Code"].removeprefix("AWS.SimpleQueueService.")


def test_a_message_is_received_as_it_was_sent(any_aws: SimulatedAws) -> None:
    before = int(time.time() * 1000)
    sent = any_aws.sqs.send_message(QueueUrl=any_aws.queue_url, MessageBody="grüß \u0001 Gott")

    (message,) = receive(any_aws, MessageSystemAttributeNames=["All"])

    md5 = hashlib.md5("grüß \u0001 Gott".encode()).hexdigest()
    assert message["Body"] == "grüß \u0001 Gott"
    assert message["MessageId"] == sent["MessageId"]
    assert message["MD5OfBody"] == sent["MD5OfMessageBody"] == md5
    attributes = message["Attributes"]
    assert attributes["ApproximateReceiveCount"] == "1"
    for name in ("SentTimestamp", "ApproximateFirstReceiveTimestamp"):
        assert before <= int(attributes[name]) <= time.time() * 1000


def test_only_the_attributes_that_were_asked_for_are_given(any_aws: SimulatedAws) -> None:
    any_aws.put("a message")

    (message,) = receive(
        any_aws, MessageSystemAttributeNames=["ApproximateReceiveCount", "SentTimestamp"]
    )

    assert message["Attributes"].keys() == {"ApproximateReceiveCount", "SentTimestamp"}


def test_a_batch_is_received_at_once_and_each_message_once(any_aws: SimulatedAws) -> None:
    entries: list[SendMessageBatchRequestEntryTypeDef] = [
        {"Id": str(number), "MessageBody": f"message {number}"} for number in range(10)
    ]
    answer = any_aws.sqs.send_message_batch(QueueUrl=any_aws.queue_url, Entries=entries)
    assert {entry["Id"] for entry in answer["Successful"]} == {str(n) for n in range(10)}

    first = receive(any_aws, MaxNumberOfMessages=7)
    rest = receive(any_aws)

    assert (len(first), len(rest)) == (7, 3)
    assert {message["Body"] for message in first + rest} == {f"message {n}" for n in range(10)}
    assert counts(any_aws) == (0, 10)


def test_a_poll_waits_for_a_message_that_comes_back(any_aws: SimulatedAws) -> None:
    any_aws.put("a message")
    receive(any_aws, VisibilityTimeout=1)
    started = time.monotonic()

    (message,) = receive(
        any_aws, WaitTimeSeconds=20, MessageSystemAttributeNames=["ApproximateReceiveCount"]
    )

    assert time.monotonic() - started < 15
    assert message["Attributes"]["ApproximateReceiveCount"] == "2"


@pytest.mark.parametrize("meanwhile", ["sent", "shown"])
def test_a_poll_ends_with_a_message(any_aws: SimulatedAws, meanwhile: str) -> None:
    any_aws.put("a message")
    handle = received_handle(any_aws)
    started = time.monotonic()

    with poll_under_way(any_aws.sqs, QueueUrl=any_aws.queue_url, WaitTimeSeconds=20) as poll:
        if meanwhile == "sent":
            any_aws.sqs.send_message(QueueUrl=any_aws.queue_url, MessageBody="another")
        else:
            hide(any_aws, [handle], seconds=0)
        answer = poll.result()

    assert len(answer["Messages"]) == 1
    assert time.monotonic() - started < 15


def test_a_poll_of_an_empty_queue_ends_after_its_time(any_aws: SimulatedAws) -> None:
    started = time.monotonic()

    assert receive(any_aws, WaitTimeSeconds=1) == []

    assert 0.9 < time.monotonic() - started < 8


def test_a_deleted_message_is_gone_and_may_be_deleted_again(any_aws: SimulatedAws) -> None:
    any_aws.put("a message")
    handle = received_handle(any_aws)

    for _ in range(2):
        any_aws.sqs.delete_message(QueueUrl=any_aws.queue_url, ReceiptHandle=handle)

    assert counts(any_aws) == (0, 0)


def test_the_newest_handle_of_a_redelivered_message_deletes_it(any_aws: SimulatedAws) -> None:
    any_aws.put("a message")
    received_handle(any_aws, VisibilityTimeout=0)
    newest = received_handle(any_aws)

    any_aws.sqs.delete_message(QueueUrl=any_aws.queue_url, ReceiptHandle=newest)

    assert counts(any_aws) == (0, 0)


@moto_differs("moto deletes by any handle that it ever gave")
def test_an_older_handle_is_accepted_and_deletes_nothing(any_aws: SimulatedAws) -> None:
    """AWS promises neither; a standard queue mostly does this, and it is the worse for us."""
    any_aws.put("a message")
    older = received_handle(any_aws, VisibilityTimeout=0)
    received_handle(any_aws)

    any_aws.sqs.delete_message(QueueUrl=any_aws.queue_url, ReceiptHandle=older)

    assert counts(any_aws) == (0, 1)


def test_a_batch_of_deletions_fails_in_part(any_aws: SimulatedAws) -> None:
    any_aws.put("a message")
    handles = [received_handle(any_aws), GARBAGE]

    answer = any_aws.sqs.delete_message_batch(
        QueueUrl=any_aws.queue_url,
        Entries=[{"Id": str(n), "ReceiptHandle": handle} for n, handle in enumerate(handles)],
    )

    assert [entry["Id"] for entry in answer["Successful"]] == ["0"]
    (failed,) = answer["Failed"]
    assert (failed["Id"], failed["SenderFault"]) == ("1", True)
    assert failed["Code"] == "ReceiptHandleIsInvalid"
    assert counts(any_aws) == (0, 0)


@pytest.mark.slow
def test_a_message_is_hidden_for_longer(any_aws: SimulatedAws) -> None:
    any_aws.put("a message")
    handle = received_handle(any_aws, VisibilityTimeout=2)

    answer = hide(any_aws, [handle], seconds=60)

    assert not answer.get("Failed")
    assert receive(any_aws, WaitTimeSeconds=3) == []


def test_a_message_is_shown_at_once(any_aws: SimulatedAws) -> None:
    any_aws.put("a message")
    handle = received_handle(any_aws)

    hide(any_aws, [handle], seconds=0)

    assert counts(any_aws) == (1, 0)
    assert received_handle(any_aws)


def hide(aws: SimulatedAws, handles: list[str], seconds: int) -> Any:
    return aws.sqs.change_message_visibility_batch(
        QueueUrl=aws.queue_url,
        Entries=[
            {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": seconds}
            for number, handle in enumerate(handles)
        ],
    )


def test_a_batch_that_hides_fails_in_part(any_aws: SimulatedAws) -> None:
    any_aws.put("a message")

    answer = hide(any_aws, [received_handle(any_aws), GARBAGE], seconds=60)

    assert [entry["Id"] for entry in answer["Successful"]] == ["0"]
    assert [entry["Code"] for entry in answer["Failed"]] == ["ReceiptHandleIsInvalid"]


@moto_differs("to moto, the handle of a deleted message is no handle")
def test_what_is_deleted_can_not_be_hidden(any_aws: SimulatedAws) -> None:
    any_aws.put("a message")
    handle = received_handle(any_aws)
    any_aws.sqs.delete_message(QueueUrl=any_aws.queue_url, ReceiptHandle=handle)

    answer = hide(any_aws, [handle], seconds=60)

    assert [entry["Code"] for entry in answer["Failed"]] == ["InvalidParameterValue"]


@moto_differs("moto hides messages that nobody received")
def test_what_is_visible_again_can_not_be_hidden(any_aws: SimulatedAws) -> None:
    any_aws.put("a message")
    handle = received_handle(any_aws, VisibilityTimeout=0)

    with pytest.raises(ClientError) as error:
        any_aws.sqs.change_message_visibility(
            QueueUrl=any_aws.queue_url, ReceiptHandle=handle, VisibilityTimeout=60
        )

    assert code_of(error) == "MessageNotInflight"


def test_a_message_received_too_often_becomes_a_dead_letter(any_aws: SimulatedAws) -> None:
    message_id = any_aws.put("a message")
    for _ in range(MAX_RECEIVES):
        received_handle(any_aws, VisibilityTimeout=0)

    assert receive(any_aws) == []

    (dead,) = receive(
        any_aws,
        QueueUrl=any_aws.dead_letter_queue_url,
        MessageSystemAttributeNames=["DeadLetterQueueSourceArn"],
    )
    assert dead["MessageId"] == message_id
    assert counts(any_aws) == (0, 0)


def test_a_message_may_be_sent_with_a_delay(any_aws: SimulatedAws) -> None:
    any_aws.sqs.send_message(QueueUrl=any_aws.queue_url, MessageBody="later", DelaySeconds=1)
    assert receive(any_aws) == []
    assert counted(any_aws, "", "Delayed", "NotVisible") == (0, 1, 0)

    wait_until("the message", lambda: receive(any_aws, WaitTimeSeconds=1))


def test_a_purged_queue_is_empty(any_aws: SimulatedAws) -> None:
    any_aws.put("one that waits")
    any_aws.put("another")
    receive(any_aws, MaxNumberOfMessages=1)

    any_aws.sqs.purge_queue(QueueUrl=any_aws.queue_url)

    assert counts(any_aws) == (0, 0)
    assert receive(any_aws) == []
