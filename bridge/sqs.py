"""SQS, as the bridge uses it. The only module of the bridge that knows boto3.

Maps AWS's answers to the port's: see `ports.py`.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

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

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import BatchResultErrorEntryTypeDef, MessageTypeDef

T = TypeVar("T")

_CONNECT_TIMEOUT_SECONDS = 3
_ANSWER_SECONDS = 10
_POOL_SIZE = 4

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
        with _raising_queue_errors():
            self._session = make_session(region)
            self._sqs = client or self._session.client(
                "sqs", config=_client_config(wait_seconds + _ANSWER_SECONDS)
            )
        self._queue_url = queue_url
        self._wait_seconds = wait_seconds
        self._visibility_seconds = visibility_seconds

    @property
    def queue_name(self) -> str:
        """The queue's name: the last part of its URL."""
        return self._queue_url.rstrip("/").rsplit("/", 1)[-1]

    def receive(self, max_messages: int) -> list[Message]:
        """Receive up to `max_messages` (1 to 10), waiting for the first one."""
        with _raising_queue_errors():
            answer = self._sqs.receive_message(
                QueueUrl=self._queue_url,
                MaxNumberOfMessages=max_messages,
                WaitTimeSeconds=self._wait_seconds,
                VisibilityTimeout=self._visibility_seconds,
                MessageSystemAttributeNames=["ApproximateReceiveCount", "SentTimestamp"],
            )
        return [_message(raw) for raw in answer.get("Messages", [])]

    def delete(self, handles: Sequence[Handle]) -> list[EntryFailed]:
        """Delete messages, ten a call; returns those that SQS would not delete."""
        failed: list[EntryFailed] = []
        for batch in _tens(handles):
            with _raising_queue_errors():
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
            with _raising_queue_errors():
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
        with _raising_queue_errors():
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

        https://docs.aws.amazon.com/sns/latest/api/API_ConfirmSubscription.html
        """
        with _raising_queue_errors():
            sns = self._session.client("sns", config=_client_config(_ANSWER_SECONDS))
            sns.confirm_subscription(TopicArn=topic, Token=token)


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


def _message(raw: "MessageTypeDef") -> Message:
    attributes = raw.get("Attributes", {})
    return Message(
        message_id=raw["MessageId"],
        receipt_handle=raw["ReceiptHandle"],
        body=raw.get("Body", ""),
        receive_count=int(attributes.get("ApproximateReceiveCount", "1")),
        sent_at_ms=int(attributes.get("SentTimestamp", "0")),
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
def _raising_queue_errors() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code: str = error.response.get("Error", {}).get("Code", "Unknown")
        kind: type[QueueUnavailable | QueueUnusable] = (
            QueueUnusable if code in _UNUSABLE_CODES else QueueUnavailable
        )
        raise kind(code) from error
    except _WRONG_SETTINGS as error:
        raise QueueUnusable(type(error).__name__) from error
    except BotoCoreError as error:
        raise QueueUnavailable(type(error).__name__) from error
