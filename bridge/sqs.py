"""SQS, as the bridge uses it. The only module of the bridge that knows boto3.

Maps AWS's answers to the port's: see `ports.py`.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)

from bridge.config import SQS_MAX_BATCH
from bridge.messages import Handle, Message
from bridge.ports import EntryFailed, QueueCounts, QueueUnavailable, QueueUnusable
from runtime.aws import make_session
from runtime.config import queue_name
from runtime.partitions import region_of_topic

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import (
        BatchResultErrorEntryTypeDef,
        MessageTypeDef,
        SendMessageBatchRequestEntryTypeDef,
    )

T = TypeVar("T")

_CONNECT_TIMEOUT_SECONDS = 3
_ANSWER_SECONDS = 10
_POOL_SIZE = 12
"""The threads that use a queue at once: acknowledger, heartbeat, those that receive and move."""

FIRST_SENT = "first_sent_ms"
"""The attribute of a copy that says when its original was sent."""

_MILLISECONDS = re.compile(r"[0-9]{1,15}")
_ATTRIBUTE_BYTES = 64
_MOST_WORDS = 200
_MAX_BATCH_BYTES = 256 * 1024
"""What every version of SQS takes; SNS sends at most as much in one message."""

_WRONG_SETTINGS = (NoCredentialsError, PartialCredentialsError, ProfileNotFound)
_UNUSABLE_CODES = frozenset(
    {
        "AWS.SimpleQueueService.NonExistentQueue",
        "QueueDoesNotExist",
        "AccessDenied",
        "AccessDeniedException",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
        "InvalidAddress",
    }
)


class SqsQueue:
    """One SQS queue. Safe to use from several threads, as boto3's clients are."""

    def __init__(
        self,
        queue_url: str,
        region: str,
        wait_seconds: int,
        visibility_seconds: int,
        client: "SQSClient | None" = None,
    ) -> None:
        with _raising_queue_errors(""):
            self._session = make_session(region)
            self._sqs = client or self._session.client(
                "sqs", config=_client_config(wait_seconds + _ANSWER_SECONDS)
            )
        self._at = urlsplit(self._sqs.meta.endpoint_url).netloc
        self._queue_url = queue_url
        self._wait_seconds = wait_seconds
        self._visibility_seconds = visibility_seconds

    @property
    def queue_name(self) -> str:
        """The queue's name: the last part of its URL."""
        return queue_name(self._queue_url)

    def receive(self, max_messages: int, *, waits: bool = True) -> list[Message]:
        """Receive up to `max_messages` (1 to 10), waiting for the first one.

        Without `waits`, SQS asks only some of its servers, and may answer nothing although it has
        messages.
        """
        with _raising_queue_errors(self._at):
            answer = self._sqs.receive_message(
                QueueUrl=self._queue_url,
                MaxNumberOfMessages=max_messages,
                WaitTimeSeconds=self._wait_seconds if waits else 0,
                VisibilityTimeout=self._visibility_seconds,
                MessageSystemAttributeNames=[
                    "ApproximateReceiveCount",
                    "SentTimestamp",
                    "AWSTraceHeader",
                ],
                MessageAttributeNames=[FIRST_SENT],
            )
        return [_message(raw) for raw in answer.get("Messages", [])]

    def send(self, messages: Sequence[Message]) -> list[EntryFailed]:
        """Send copies of messages, as old as they are; returns those that SQS did not take.

        A copy is larger than its original, by its attribute, and may be too large for SQS.
        """
        too_large = [one.handle for one in messages if _copy_bytes(one) > _MAX_BATCH_BYTES]
        failed = [EntryFailed(one, "MessageTooLong", may_retry=False) for one in too_large]
        for batch in _sendable([one for one in messages if one.handle not in too_large]):
            with _raising_queue_errors(self._at):
                answer = self._sqs.send_message_batch(
                    QueueUrl=self._queue_url,
                    Entries=[_entry(index, message) for index, message in enumerate(batch)],
                )
            failed += _failures(answer.get("Failed", []), [one.handle for one in batch])
        return failed

    def delete(self, handles: Sequence[Handle]) -> list[EntryFailed]:
        """Delete messages, ten a call; returns those that SQS would not delete."""
        failed: list[EntryFailed] = []
        for batch in _tens(handles):
            with _raising_queue_errors(self._at):
                answer = self._sqs.delete_message_batch(
                    QueueUrl=self._queue_url,
                    Entries=[
                        {"Id": str(index), "ReceiptHandle": handle.receipt_handle}
                        for index, handle in enumerate(batch)
                    ],
                )
            failed += _failures(answer.get("Failed", []), batch)
        return failed

    def change_visibility(self, handles: Sequence[Handle], seconds: int) -> list[EntryFailed]:
        """Hide messages for `seconds` from now (0 releases them), ten a call."""
        failed: list[EntryFailed] = []
        for batch in _tens(handles):
            with _raising_queue_errors(self._at):
                answer = self._sqs.change_message_visibility_batch(
                    QueueUrl=self._queue_url,
                    Entries=[
                        {
                            "Id": str(index),
                            "ReceiptHandle": handle.receipt_handle,
                            "VisibilityTimeout": seconds,
                        }
                        for index, handle in enumerate(batch)
                    ],
                )
            failed += _failures(answer.get("Failed", []), batch)
        return failed

    def count(self) -> QueueCounts:
        """Ask SQS how many messages there are. The numbers are approximate."""
        with _raising_queue_errors(self._at):
            attributes = self._sqs.get_queue_attributes(
                QueueUrl=self._queue_url,
                AttributeNames=[
                    "ApproximateNumberOfMessages",
                    "ApproximateNumberOfMessagesDelayed",
                    "ApproximateNumberOfMessagesNotVisible",
                ],
            )["Attributes"]
        return QueueCounts(
            visible=int(attributes["ApproximateNumberOfMessages"]),
            delayed=int(attributes["ApproximateNumberOfMessagesDelayed"]),
            not_visible=int(attributes["ApproximateNumberOfMessagesNotVisible"]),
        )

    def confirm_subscription(self, topic: str, token: str) -> None:
        """Confirm, through the SNS API, that `topic` may send to the queue. Never logs the token.

        The topic's region answers for it, and may be another than the queue's. Without
        `AuthenticateOnUnsubscribe`, whoever reads a notification could unsubscribe the queue by the
        link in it.

        https://docs.aws.amazon.com/sns/latest/api/API_ConfirmSubscription.html
        """
        region = region_of_topic(topic)
        with _raising_queue_errors(self._at):
            sns = self._session.client("sns", region, config=_client_config(_ANSWER_SECONDS))
            sns.confirm_subscription(TopicArn=topic, Token=token, AuthenticateOnUnsubscribe="true")


def _client_config(read_timeout_seconds: float) -> Config:
    return Config(
        connect_timeout=_CONNECT_TIMEOUT_SECONDS,
        read_timeout=read_timeout_seconds,
        retries={"mode": "standard", "total_max_attempts": 2},
        max_pool_connections=_POOL_SIZE,
        tcp_keepalive=True,
        # botocore would describe itself and the machine anew in each call: a tenth of its CPU.
        user_agent="mail-relay",
    )


def _sendable(messages: Sequence[Message]) -> Iterator[list[Message]]:
    """Split messages into batches that SQS takes."""
    batch: list[Message] = []
    size = 0
    for message in messages:
        more = _copy_bytes(message)
        if batch and (len(batch) == SQS_MAX_BATCH or size + more > _MAX_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += more
    if batch:
        yield batch


def _entry(index: int, message: Message) -> "SendMessageBatchRequestEntryTypeDef":
    entry: SendMessageBatchRequestEntryTypeDef = {
        "Id": str(index),
        "MessageBody": message.body,
        "MessageAttributes": {
            FIRST_SENT: {"DataType": "Number", "StringValue": str(message.sent_at_ms)}
        },
    }
    if message.trace_header:
        entry["MessageSystemAttributes"] = {
            "AWSTraceHeader": {"DataType": "String", "StringValue": message.trace_header}
        }
    return entry


def _copy_bytes(message: Message) -> int:
    return len(message.body.encode()) + _ATTRIBUTE_BYTES


def _message(raw: "MessageTypeDef") -> Message:
    attributes = raw.get("Attributes", {})
    first_sent = raw.get("MessageAttributes", {}).get(FIRST_SENT)
    sent = first_sent.get("StringValue", "") if first_sent else ""
    if not _MILLISECONDS.fullmatch(sent):
        sent = attributes.get("SentTimestamp", "0")
    return Message(
        message_id=raw["MessageId"],
        receipt_handle=raw["ReceiptHandle"],
        body=raw.get("Body", ""),
        receive_count=int(attributes.get("ApproximateReceiveCount", "1")),
        sent_at_ms=int(sent),
        trace_header=attributes.get("AWSTraceHeader", ""),
    )


def _tens(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), SQS_MAX_BATCH):
        yield items[start : start + SQS_MAX_BATCH]


def _failures(
    entries: Iterable["BatchResultErrorEntryTypeDef"], batch: Sequence[Handle]
) -> list[EntryFailed]:
    return [
        EntryFailed(batch[int(entry["Id"])], entry["Code"], may_retry=not entry["SenderFault"])
        for entry in entries
    ]


@contextmanager
def _raising_queue_errors(at: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        answer = error.response.get("Error", {})
        code = str(answer.get("Code", "Unknown"))
        kind: type[QueueUnavailable | QueueUnusable] = (
            QueueUnusable if code in _UNUSABLE_CODES else QueueUnavailable
        )
        raise kind(code, at, _one_line(str(answer.get("Message", "")))) from error
    except _WRONG_SETTINGS as error:
        raise QueueUnusable(type(error).__name__, at, _one_line(str(error))) from error
    except BotoCoreError as error:
        raise QueueUnavailable(type(error).__name__, at, _one_line(str(error))) from error


def _one_line(words: str) -> str:
    return " ".join(words.split())[:_MOST_WORDS]
