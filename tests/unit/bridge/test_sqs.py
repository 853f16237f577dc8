"""SQS's answers and errors, as the inbox passes them on. Played by botocore's own stubber."""

import socket
from collections.abc import Iterator
from typing import Any, cast

import boto3
import pytest
from botocore import exceptions
from botocore.stub import ANY, Stubber

from bridge.messages import Handle, Message
from bridge.ports import EntryFailed, QueueUnavailable, QueueUnusable
from bridge.sqs import SqsQueue, _client_config
from tests.environment import NOWHERE

URL = "https://sqs.us-east-1.amazonaws.com/123456789012/mail"
HANDLES = [Handle(f"id-{number}", f"handle-{number}") for number in range(12)]


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    client = boto3.client("sqs", region_name="us-east-1")
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def inbox(sqs: Stubber) -> SqsQueue:
    return SqsQueue(
        URL, "us-east-1", wait_seconds=1, visibility_seconds=60, client=cast("Any", sqs.client)
    )


def test_a_message_is_received_with_its_handle_body_and_counts(
    inbox: SqsQueue, sqs: Stubber
) -> None:
    sqs.add_response(
        "receive_message",
        {
            "Messages": [
                {
                    "MessageId": "id-1",
                    "ReceiptHandle": "handle-1",
                    "Body": "{}",
                    "Attributes": {"ApproximateReceiveCount": "2", "SentTimestamp": "1700"},
                }
            ]
        },
    )

    (message,) = inbox.receive(10)

    assert (message.message_id, message.body, message.receive_count) == ("id-1", "{}", 2)
    assert message.sent_at_ms == 1700


def test_a_message_whose_copy_is_too_large_is_not_sent_and_keeps_no_other_back(
    inbox: SqsQueue, sqs: Stubber
) -> None:
    large = Message("large", "handle", "x" * 256 * 1024, 1, 0)
    sqs.add_response("send_message_batch", {"Successful": [], "Failed": []})

    failed = inbox.send([large, Message("small", "handle", "x", 1, 0)])

    assert failed == [EntryFailed(large.handle, "MessageTooLong", may_retry=False)]


def test_more_than_ten_are_deleted_in_batches_of_ten(inbox: SqsQueue, sqs: Stubber) -> None:
    for size in (10, 2):
        answer = {"Successful": [{"Id": str(i)} for i in range(size)], "Failed": []}
        sqs.add_response("delete_message_batch", answer, {"QueueUrl": URL, "Entries": ANY})

    assert inbox.delete(HANDLES) == []


def test_a_batch_that_failed_in_part_tells_which_entries_and_whether_to_retry(
    inbox: SqsQueue, sqs: Stubber
) -> None:
    failed = [
        {"Id": "0", "Code": "ReceiptHandleIsInvalid", "SenderFault": True},
        {"Id": "2", "Code": "InternalError", "SenderFault": False},
    ]
    sqs.add_response(
        "change_message_visibility_batch", {"Successful": [{"Id": "1"}], "Failed": failed}
    )

    assert inbox.change_visibility(HANDLES[:3], 60) == [
        EntryFailed(HANDLES[0], "ReceiptHandleIsInvalid", may_retry=False),
        EntryFailed(HANDLES[2], "InternalError", may_retry=True),
    ]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("AWS.SimpleQueueService.NonExistentQueue", QueueUnusable),
        ("QueueDoesNotExist", QueueUnusable),
        ("AccessDenied", QueueUnusable),
        ("InvalidClientTokenId", QueueUnusable),
        ("ThrottlingException", QueueUnavailable),
        ("ServiceUnavailable", QueueUnavailable),
        ("InternalError", QueueUnavailable),
    ],
)
def test_an_error_of_aws_is_to_be_waited_out_or_to_be_mended(
    inbox: SqsQueue, sqs: Stubber, code: str, expected: type[Exception]
) -> None:
    sqs.add_client_error(
        "get_queue_attributes", service_error_code=code, service_message="its\nwords"
    )

    with pytest.raises(expected) as caught:
        inbox.count()

    assert vars(caught.value) == {
        "code": code,
        "at": NOWHERE,
        "says": "its words",
    }


def test_missing_credentials_are_to_be_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/not-there")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/not-there")

    with pytest.raises(QueueUnusable, match=exceptions.NoCredentialsError.__name__):
        SqsQueue(URL, "us-east-1", wait_seconds=1, visibility_seconds=60).count()


def test_a_host_that_cant_be_reached_is_to_be_waited_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")

    with pytest.raises(
        QueueUnavailable, match=exceptions.EndpointConnectionError.__name__
    ) as caught:
        SqsQueue("http://127.0.0.1:1/1/mail", "us-east-1", 1, 60).count()

    assert caught.value.at == NOWHERE
    assert "Could not connect" in caught.value.says


@pytest.fixture
def mute() -> Iterator[socket.socket]:
    """A host that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener


def connections(listener: socket.socket) -> int:
    """Count the connections that a listener was asked for."""
    accepted = 0
    while True:
        try:
            listener.accept()[0].close()
        except BlockingIOError:
            return accepted
        accepted += 1


@pytest.mark.timeout(20)
def test_a_host_that_never_answers_is_tried_twice_and_to_be_waited_out(
    monkeypatch: pytest.MonkeyPatch, mute: socket.socket
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    url = f"http://127.0.0.1:{mute.getsockname()[1]}"
    client = boto3.client("sqs", "us-east-1", endpoint_url=url, config=_client_config(0.2))
    inbox = SqsQueue(f"{url}/1/mail", "us-east-1", 1, 60, client=client)

    with pytest.raises(QueueUnavailable, match=exceptions.ReadTimeoutError.__name__):
        inbox.receive(10)

    assert connections(mute) == 2


def test_an_answer_may_take_ten_seconds_more_than_the_poll_and_a_connection_three(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")

    config = SqsQueue(URL, "us-east-1", wait_seconds=20, visibility_seconds=60)._sqs.meta.config

    assert (vars(config)["connect_timeout"], vars(config)["read_timeout"]) == (3, 30)
