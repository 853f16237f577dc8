"""SQS's own move task: it puts the messages of the dead-letter queue back where they came from.

To SQS they are new messages then, with new ids: what was counted against them in Redis, such as how
often they killed a worker, is forgotten. What was sent already is not sent again: the database
knows it by the id that SNS gave. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/
APIReference/API_StartMessageMoveTask.html
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
"""The most that SQS moves in a second."""

_CONFIG = Config(connect_timeout=3, read_timeout=10)


class RedriveFailed(Exception):
    """AWS can't be reached, or says no; the text is what it says."""


class MoveStatus(StrEnum):
    """How far a task is, in SQS's words."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    CANCELLING = "CANCELLING"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"

    @property
    def is_over(self) -> bool:
        """Tell whether it will move nothing more."""
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
        with _translated():
            self._sqs: Any = boto3.Session(region_name=region).client("sqs", config=_CONFIG)
            answer = self._sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])
        self._arn: str = answer["Attributes"]["QueueArn"]

    def start(self, per_second: int | None) -> None:
        """Start a task; None: as fast as SQS can."""
        speed = {"MaxNumberOfMessagesPerSecond": per_second} if per_second else {}
        with _translated():
            self._sqs.start_message_move_task(SourceArn=self._arn, **speed)

    def newest(self) -> MoveTask | None:
        """Give the task that was started last; SQS keeps ten of them."""
        with _translated():
            tasks = self._sqs.list_message_move_tasks(SourceArn=self._arn, MaxResults=1)
        return _task(tasks["Results"][0]) if tasks.get("Results") else None

    def cancel(self, task: MoveTask) -> None:
        """Stop a running task; what it has moved stays moved."""
        with _translated():
            self._sqs.cancel_message_move_task(TaskHandle=task.handle)


def _task(told: dict[str, Any]) -> MoveTask:
    return MoveTask(
        status=MoveStatus(told["Status"]),
        moved=told.get("ApproximateNumberOfMessagesMoved", 0),
        to_move=told.get("ApproximateNumberOfMessagesToMove"),
        failure=told.get("FailureReason"),
        handle=told.get("TaskHandle"),
    )


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        raise RedriveFailed(_in_one_line(error)) from error
    except BotoCoreError as error:
        raise RedriveFailed(f"AWS can't be used: {type(error).__name__}") from error


def _in_one_line(error: ClientError) -> str:
    told = error.response.get("Error", {})
    code, message = told.get("Code", "error"), told.get("Message", "")
    if "<html" in message.lower():  # a proxy's page, or that of a stand-in which lacks the call
        return f"{error.operation_name} got {code} and a page of HTML: this is not SQS's answer"
    return f"{code}: {message}"
