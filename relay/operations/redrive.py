"""SQS's own move task: it moves the dead-letter queue's messages back to their source queue.

SQS gives them new ids, so their delivery attempts in Redis no longer count. Mail that is recorded
as sent is not sent again: the database knows it by SNS's id for fifteen days. Mail that was sent
and could not be recorded (`sent_not_recorded`) may be sent a second time.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

MAX_PER_SECOND = 500
"""The most messages that SQS moves in a second."""

_CONFIG = Config(connect_timeout=3, read_timeout=10)


class RedriveFailed(Exception):
    """AWS can't be reached or refuses; the text says why."""


class MoveStatus(StrEnum):
    """A task's status, in SQS's words."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    CANCELLING = "CANCELLING"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"

    @property
    def is_over(self) -> bool:
        """Whether it will move nothing more."""
        return self not in (MoveStatus.RUNNING, MoveStatus.CANCELLING)


@dataclass(frozen=True, slots=True)
class MoveTask:
    """A move task. The numbers are SQS's approximations; `to_move` is None until SQS knows it."""

    status: MoveStatus
    moved: int
    to_move: int | None
    failure: str | None
    handle: str | None


class Redrive:
    """The move tasks of one dead-letter queue. All methods raise `RedriveFailed`."""

    def __init__(self, queue_url: str, region: str) -> None:
        with _raising_redrive_failed():
            self._sqs: Any = boto3.Session(region_name=region).client("sqs", config=_CONFIG)
            answer = self._sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])
        self._arn: str = answer["Attributes"]["QueueArn"]

    def start(self, per_second: int | None) -> None:
        """Start a task; with None, as fast as SQS can."""
        speed = {"MaxNumberOfMessagesPerSecond": per_second} if per_second else {}
        with _raising_redrive_failed():
            self._sqs.start_message_move_task(SourceArn=self._arn, **speed)

    def newest(self) -> MoveTask | None:
        """Return the latest task; SQS keeps ten of them."""
        with _raising_redrive_failed():
            tasks = self._sqs.list_message_move_tasks(SourceArn=self._arn, MaxResults=1)
        return _task(tasks["Results"][0]) if tasks.get("Results") else None

    def cancel(self, task: MoveTask) -> None:
        """Stop a running task; messages already moved stay moved."""
        with _raising_redrive_failed():
            self._sqs.cancel_message_move_task(TaskHandle=task.handle)


def _task(answer: dict[str, Any]) -> MoveTask:
    return MoveTask(
        status=MoveStatus(answer["Status"]),
        moved=answer.get("ApproximateNumberOfMessagesMoved", 0),
        to_move=answer.get("ApproximateNumberOfMessagesToMove"),
        failure=answer.get("FailureReason"),
        handle=answer.get("TaskHandle"),
    )


@contextmanager
def _raising_redrive_failed() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        raise RedriveFailed(_in_one_line(error)) from error
    except BotoCoreError as error:
        raise RedriveFailed(f"AWS can't be used: {type(error).__name__}") from error


def _in_one_line(error: ClientError) -> str:
    described = error.response.get("Error", {})
    code, message = described.get("Code", "error"), described.get("Message", "")
    if "<html" in message.lower():  # from a proxy, or a stand-in that lacks the call
        return f"{error.operation_name} got {code} and a page of HTML: this is not SQS's answer"
    return f"{code}: {message}"
