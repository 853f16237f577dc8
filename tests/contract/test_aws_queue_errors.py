"""What SQS refuses, and the codes by which boto3's callers know it."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.conftest import moto_differs
from tools.local.aws import SimulatedAws

HANDLE = "no receipt handle"
ELEVEN = [{"Id": str(number), "ReceiptHandle": HANDLE} for number in range(11)]

Call = Callable[[Any, str], object]


def code(call: Call, aws: SimulatedAws) -> str:
    with pytest.raises(ClientError) as error:
        call(aws.sqs, aws.queue_url)
    status = error.value.response["ResponseMetadata"]["HTTPStatusCode"]
    assert 400 <= status < 500
    found: str = error.value.response["Error"]["Code"]
    return found.removeprefix("AWS.SimpleQueueService.")


REFUSED: dict[str, tuple[str, Call]] = {
    "a queue that there is not": (
        "NonExistentQueue",
        lambda sqs, url: sqs.receive_message(QueueUrl=f"{url}-not"),
    ),
    "a name that no queue has": (
        "NonExistentQueue",
        lambda sqs, url: sqs.get_queue_url(QueueName="nobody"),
    ),
    "a batch of nothing": (
        "EmptyBatchRequest",
        lambda sqs, url: sqs.delete_message_batch(QueueUrl=url, Entries=[]),
    ),
    "deleting what was never received": (
        "ReceiptHandleIsInvalid",
        lambda sqs, url: sqs.delete_message(QueueUrl=url, ReceiptHandle=HANDLE),
    ),
    "hiding what was never received": (
        "ReceiptHandleIsInvalid",
        lambda sqs, url: sqs.change_message_visibility(
            QueueUrl=url, ReceiptHandle=HANDLE, VisibilityTimeout=1
        ),
    ),
    "eleven messages": (
        "InvalidParameterValue",
        lambda sqs, url: sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=11),
    ),
    "waiting too long": (
        "InvalidParameterValue",
        lambda sqs, url: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=21),
    ),
    "a message that is too long": (
        "InvalidParameterValue",
        lambda sqs, url: sqs.send_message(QueueUrl=url, MessageBody="x" * (1024 * 1024 + 1)),
    ),
    "hiding for too long": (
        "InvalidParameterValue",
        lambda sqs, url: sqs.change_message_visibility(
            QueueUrl=url, ReceiptHandle=HANDLE, VisibilityTimeout=43201
        ),
    ),
    "two entries of one name": (
        "BatchEntryIdsNotDistinct",
        lambda sqs, url: sqs.send_message_batch(
            QueueUrl=url, Entries=[{"Id": "1", "MessageBody": "x"}] * 2
        ),
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_sqs_refuses(any_aws: SimulatedAws, case: str) -> None:
    expected, call = REFUSED[case]

    assert code(call, any_aws) == expected


@moto_differs("moto takes batches of any size to delete")
def test_a_batch_has_ten_entries_at_most(any_aws: SimulatedAws) -> None:
    def call(sqs: Any, url: str) -> object:
        return sqs.delete_message_batch(QueueUrl=url, Entries=ELEVEN)

    assert code(call, any_aws) == "TooManyEntriesInBatchRequest"


def test_a_queue_that_is_made_again_is_the_same(any_aws: SimulatedAws) -> None:
    again = any_aws.sqs.create_queue(QueueName="mail", Attributes={"VisibilityTimeout": "30"})

    assert again["QueueUrl"] == any_aws.queue_url == url_of(any_aws, "mail")


def url_of(aws: SimulatedAws, name: str) -> str:
    return aws.sqs.get_queue_url(QueueName=name)["QueueUrl"]


def test_a_queue_that_is_made_again_can_not_be_another(any_aws: SimulatedAws) -> None:
    with pytest.raises(ClientError) as error:
        any_aws.sqs.create_queue(QueueName="mail", Attributes={"VisibilityTimeout": "31"})

    assert error.value.response["Error"]["Code"] == "QueueAlreadyExists"


def test_a_queue_tells_its_attributes(any_aws: SimulatedAws) -> None:
    any_aws.sqs.set_queue_attributes(
        QueueUrl=any_aws.queue_url, Attributes={"VisibilityTimeout": "7"}
    )

    told = any_aws.sqs.get_queue_attributes(
        QueueUrl=any_aws.queue_url,
        AttributeNames=["QueueArn", "VisibilityTimeout", "RedrivePolicy"],
    )

    assert told["Attributes"].keys() == {"QueueArn", "VisibilityTimeout", "RedrivePolicy"}
    assert told["Attributes"]["QueueArn"] == "arn:aws:sqs:us-east-1:123456789012:mail"
    assert told["Attributes"]["VisibilityTimeout"] == "7"
    assert '"maxReceiveCount"' in told["Attributes"]["RedrivePolicy"]
