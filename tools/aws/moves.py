"""SQS's message move tasks, which move dead letters back.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
"""

import asyncio
import time
import uuid
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tools.aws.queues import Message, Queue, State
from tools.aws.web import AwsError

MAX_PER_SECOND = 500
_STEP_SECONDS = 0.1

Json = dict[str, Any]


class Status(StrEnum):
    """The state of a move task."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"


@dataclass(slots=True)
class Move:
    """One task: from a dead-letter queue to `destination`, or to each message's source queue."""

    source: Queue
    destination: Queue | None
    per_second: int | None
    to_move: int
    started_at: float
    handle: str = field(default_factory=lambda: uuid.uuid4().hex)
    status: Status = Status.RUNNING
    moved: int = 0
    failure: str | None = None

    def as_json(self) -> Json:
        """Describe it as ListMessageMoveTasks does, which shows its handle only while it runs."""
        described: Json = {
            "Status": self.status,
            "SourceArn": self.source.arn,
            "ApproximateNumberOfMessagesMoved": self.moved,
            "ApproximateNumberOfMessagesToMove": self.to_move,
            "StartedTimestamp": int(self.started_at * 1000),
        }
        optional = {
            "TaskHandle": self.handle if self.status is Status.RUNNING else None,
            "DestinationArn": self.destination and self.destination.arn,
            "MaxNumberOfMessagesPerSecond": self.per_second,
            "FailureReason": self.failure,
        }
        return described | {name: value for name, value in optional.items() if value is not None}


class Moves:
    """All tasks, newest last. Each runs in the background, at the requested rate."""

    def __init__(self, queues: dict[str, Queue]) -> None:
        self._queues = queues
        self._moves: list[Move] = []
        self._running: set[asyncio.Task[None]] = set()

    def start(self, given: Json) -> Json:
        """Start a task."""
        source = self._queue(given["SourceArn"])
        target = given.get("DestinationArn")
        if all(queue.dead_letters is not source for queue in self._queues.values()):
            raise _invalid("Source queue must be configured as a Dead Letter Queue.")
        if any(move.status is Status.RUNNING for move in self._of(source)):
            raise _invalid("There is already a task running. Only one active task is allowed.")
        per_second = given.get("MaxNumberOfMessagesPerSecond")
        if per_second is not None and not 1 <= per_second <= MAX_PER_SECOND:
            raise _invalid(f"MaxNumberOfMessagesPerSecond must be 1 to {MAX_PER_SECOND}.")
        now = time.time()
        waiting = source.count(State.WAITING, now)
        move = Move(source, self._queue(target) if target else None, per_second, waiting, now)
        self._moves.append(move)
        task = asyncio.create_task(self._run(move))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return {"TaskHandle": move.handle}

    def describe(self, given: Json) -> Json:
        """Describe a queue's tasks, newest first."""
        found = self._of(self._queue(given["SourceArn"]))[::-1]
        return {"Results": [move.as_json() for move in found[: given.get("MaxResults", 1)]]}

    def cancel(self, given: Json) -> Json:
        """End a task; messages it has moved stay moved."""
        for move in self._moves:
            if move.handle == given["TaskHandle"] and move.status is Status.RUNNING:
                move.status = Status.CANCELLED
                return {"ApproximateNumberOfMessagesMoved": move.moved}
        raise AwsError("ResourceNotFoundException", "There is no such running task.", 404)

    def stop(self) -> None:
        """End all tasks."""
        for task in self._running:
            task.cancel()

    async def _run(self, move: Move) -> None:
        pace = 1 / (move.per_second or MAX_PER_SECOND)
        step = max(1, int(_STEP_SECONDS / pace))
        while move.status is Status.RUNNING:
            for _ in range(step):
                self._move_one(move)
            await asyncio.sleep(step * pace)

    def _move_one(self, move: Move) -> None:
        """Move one message, or end the task."""
        now = time.time()
        if move.status is not Status.RUNNING:
            return
        message = move.source.take(now) if move.moved < move.to_move else None
        if message is None:
            move.status = Status.COMPLETED
            return
        target = move.destination or self._origin(message)
        if target is None:
            move.source.send(message, now)
            move.status, move.failure = Status.FAILED, "CouldNotDetermineMessageSource"
            return
        # As in SQS, this is a new message, with its own id, time and receive count.
        target.send(Message(message.body, now, message.attributes), now)
        move.moved += 1

    def _origin(self, message: Message) -> Queue | None:
        return self._queues.get((message.dead_letter_of or "").rpartition(":")[2])

    def _of(self, source: Queue) -> list[Move]:
        return [move for move in self._moves if move.source is source]

    def _queue(self, arn: str) -> Queue:
        if queue := self._queues.get(arn.rpartition(":")[2]):
            return queue
        raise AwsError("ResourceNotFoundException", "One or more resources do not exist.", 404)


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterValue", message)
