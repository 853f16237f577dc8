"""SQS's JSON protocol over the queues.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/Welcome.html
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import orjson

from tools.aws.faults import Dice
from tools.aws.moves import Moves
from tools.aws.queues import Message, Queue, State
from tools.aws.web import AwsError, Request, Response

ACCOUNT, REGION = "123456789012", "us-east-1"
MAX_BATCH = 10
MAX_WAIT_SECONDS = 20
MAX_HIDDEN_SECONDS = 12 * 60 * 60
MAX_BODY_BYTES = 1024 * 1024

_HEADERS = ((b"content-type", b"application/x-amz-json-1.0"),)

# boto3 shows the error codes of SQS's older query protocol, not those of the JSON protocol. They
# differ by a prefix, and one by its name.
_OLD_CODES = {
    "QueueDoesNotExist": "AWS.SimpleQueueService.NonExistentQueue",
    "QueueNameExists": "QueueAlreadyExists",
} | {
    code: f"AWS.SimpleQueueService.{code}"
    for code in (
        "BatchEntryIdsNotDistinct",
        "BatchRequestTooLong",
        "EmptyBatchRequest",
        "InvalidBatchEntryId",
        "MessageNotInflight",
        "TooManyEntriesInBatchRequest",
        "UnsupportedOperation",
    )
}

Json = dict[str, Any]


class _Given(Json):
    """A request's parameters."""

    def __missing__(self, name: str) -> Any:
        raise AwsError("MissingParameter", f"The request must contain the parameter {name}.")


class Sqs:
    """All queues. Times come from the wall clock, as SQS's timestamps do."""

    throttled = AwsError("ThrottlingException", "Rate exceeded")

    def __init__(self, dice: Dice, base_url: str) -> None:
        self.dice = dice
        self.queues: dict[str, Queue] = {}
        self._base_url = base_url
        self._moves = Moves(self.queues)
        self._operations: dict[str, Callable[[Json], Json]] = {
            "CreateQueue": self._create_queue,
            "GetQueueUrl": lambda given: {"QueueUrl": self._url(self._named(given["QueueName"]))},
            "GetQueueAttributes": self._get_attributes,
            "SetQueueAttributes": self._set_attributes,
            "SendMessage": lambda given: self._send(self._queue(given), given),
            "SendMessageBatch": lambda given: self._batch(given, self._send),
            "DeleteMessage": lambda given: self._delete(self._queue(given), given),
            "DeleteMessageBatch": lambda given: self._batch(given, self._delete),
            "ChangeMessageVisibility": lambda given: self._hide(self._queue(given), given),
            "ChangeMessageVisibilityBatch": lambda given: self._batch(given, self._hide),
            "PurgeQueue": self._purge,
            "StartMessageMoveTask": self._moves.start,
            "ListMessageMoveTasks": self._moves.describe,
            "CancelMessageMoveTask": self._moves.cancel,
        }

    def stop(self) -> None:
        """End the background tasks."""
        self._moves.stop()

    def operation(self, request: Request) -> str:
        """Name the operation, as in `AmazonSQS.SendMessage`."""
        return request.headers[b"x-amz-target"].decode().rpartition(".")[2]

    async def answer(self, request: Request) -> Response:
        """Carry out an operation."""
        operation = self.operation(request)
        given = _Given(orjson.loads(request.body))
        if operation == "ReceiveMessage":
            result = await self._receive(given, request.is_abandoned)
        elif operation in self._operations:
            result = self._operations[operation](given)
        else:
            raise AwsError("UnknownOperationException", f"{operation} is not supported here", 404)
        return Response(orjson.dumps(result), headers=_HEADERS)

    def refusal(self, error: AwsError) -> Response:
        """Return an error as SQS does: its new code in the body, its old one in a header."""
        fault = "Sender" if error.status < 500 else "Receiver"
        old = f"{_OLD_CODES.get(error.code, error.code)};{fault}"
        body = {"__type": f"com.amazonaws.sqs#{error.code}", "message": error.message}
        headers = (*_HEADERS, (b"x-amzn-query-error", old.encode()))
        return Response(orjson.dumps(body), error.status, headers)

    def _named(self, name: str) -> Queue:
        if queue := self.queues.get(name):
            return queue
        raise AwsError("QueueDoesNotExist", "The specified queue does not exist.")

    def _queue(self, given: Json) -> Queue:
        return self._named(given["QueueUrl"].rpartition("/")[2])

    def _url(self, queue: Queue) -> str:
        return f"{self._base_url}/{ACCOUNT}/{queue.name}"

    def _create_queue(self, given: Json) -> Json:
        name, attributes = given["QueueName"], given.get("Attributes", {})
        queue = self.queues.get(name)
        if queue is None:
            queue = Queue(name, f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}", time.time())
            self._configure(queue, attributes)
            self.queues[name] = queue
        elif any(queue.attributes.get(name) != value for name, value in attributes.items()):
            raise AwsError("QueueNameExists", f"{name} exists with other attributes.")
        return {"QueueUrl": self._url(queue)}

    def _configure(self, queue: Queue, attributes: dict[str, str]) -> None:
        """Set a queue's attributes: all of them, or none if one is invalid."""
        merged = queue.attributes | attributes
        try:
            visibility = int(merged.get("VisibilityTimeout", 30))
            delay = int(merged.get("DelaySeconds", 0))
            wait = int(merged.get("ReceiveMessageWaitTimeSeconds", 0))
            redrive = orjson.loads(merged.get("RedrivePolicy") or "null")
            target = redrive and redrive["deadLetterTargetArn"].rpartition(":")[2]
            max_receives = int(redrive["maxReceiveCount"]) if redrive else 0
        except (ValueError, KeyError, TypeError) as error:
            raise AwsError("InvalidAttributeValue", "An attribute's value is invalid.") from error
        queue.dead_letters = self._named(target) if target else None
        queue.max_receives = max_receives
        queue.visibility_seconds, queue.delay_seconds = visibility, delay
        queue.wait_seconds = wait
        queue.attributes = merged

    def _set_attributes(self, given: Json) -> Json:
        self._configure(self._queue(given), given["Attributes"])
        return {}

    def _get_attributes(self, given: Json) -> Json:
        queue, now = self._queue(given), time.time()
        known = {
            "QueueArn": queue.arn,
            "ApproximateNumberOfMessages": str(queue.count(State.WAITING, now)),
            "ApproximateNumberOfMessagesDelayed": str(queue.count(State.DELAYED, now)),
            "ApproximateNumberOfMessagesNotVisible": str(queue.count(State.HIDDEN, now)),
            "CreatedTimestamp": str(int(queue.created_at)),
            "VisibilityTimeout": str(queue.visibility_seconds),
            "DelaySeconds": str(queue.delay_seconds),
            "ReceiveMessageWaitTimeSeconds": str(queue.wait_seconds),
        } | queue.attributes
        wanted = given.get("AttributeNames", [])
        chosen = known if "All" in wanted else {n: known[n] for n in wanted if n in known}
        return {"Attributes": chosen}

    def _send(self, queue: Queue, given: Json) -> Json:
        body = given["MessageBody"]
        if not 0 < len(body.encode()) <= MAX_BODY_BYTES:
            raise _invalid("MessageBody", f"Must be 1 to {MAX_BODY_BYTES} bytes long")
        now = time.time()
        message = Message(body, now, given.get("MessageAttributes", {}))
        trace = given.get("MessageSystemAttributes", {}).get("AWSTraceHeader", {})
        message.trace_header = trace.get("StringValue", "")
        queue.send(message, now, given.get("DelaySeconds", queue.delay_seconds))
        return {"MessageId": message.message_id, "MD5OfMessageBody": message.md5}

    def _delete(self, queue: Queue, given: Json) -> Json:
        queue.delete(given["ReceiptHandle"], self.dice)
        return {}

    def _hide(self, queue: Queue, given: Json) -> Json:
        seconds = _within(given, "VisibilityTimeout", 0, MAX_HIDDEN_SECONDS, None)
        queue.change_visibility(given["ReceiptHandle"], seconds, time.time())
        return {}

    def _batch(self, given: Json, carry_out: Callable[[Queue, Json], Json]) -> Json:
        """Carry out each entry of a batch; a failed entry doesn't affect the others."""
        queue = self._queue(given)
        answer: dict[str, list[Json]] = {"Successful": [], "Failed": []}
        for entry in _entries(given):
            try:
                answer["Successful"].append({"Id": entry["Id"]} | carry_out(queue, entry))
            except AwsError as error:
                answer["Failed"].append(
                    {
                        "Id": entry["Id"],
                        "SenderFault": error.status < 500,
                        "Code": _OLD_CODES.get(error.code, error.code),
                        "Message": error.message,
                    }
                )
        return {name: entries for name, entries in answer.items() if entries}

    def _purge(self, given: Json) -> Json:
        self._queue(given).purge()
        return {}

    async def _receive(self, given: Json, is_abandoned: Callable[[], bool]) -> Json:
        queue = self._queue(given)
        limit = _within(given, "MaxNumberOfMessages", 1, MAX_BATCH, 1)
        wait = _within(given, "WaitTimeSeconds", 0, MAX_WAIT_SECONDS, queue.wait_seconds)
        hidden = _within(
            given, "VisibilityTimeout", 0, MAX_HIDDEN_SECONDS, queue.visibility_seconds
        )
        deadline = time.time() + wait
        # Deliver nothing to a client that has hung up: the messages would be hidden for nothing.
        while not is_abandoned():
            now = time.time()
            if messages := queue.receive(limit, hidden, now, self.dice):
                return {"Messages": list(_delivered(messages, given))}
            if now >= deadline:
                break
            queue.arrived.clear()
            await _wait(queue.arrived, min(deadline, queue.next_return_at() or deadline) - now)
        return {}


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return


def _delivered(messages: list[Message], given: Json) -> Iterator[Json]:
    wanted = {*given.get("AttributeNames", ()), *given.get("MessageSystemAttributeNames", ())}
    for message in messages:
        delivered: Json = {
            "MessageId": message.message_id,
            "ReceiptHandle": message.receipt_handle,
            "MD5OfBody": message.md5,
            "Body": message.body,
        }
        if wanted:
            known = _system_attributes(message)
            delivered["Attributes"] = (
                known if "All" in wanted else {name: known[name] for name in wanted & known.keys()}
            )
        if message.attributes and given.get("MessageAttributeNames"):
            delivered["MessageAttributes"] = message.attributes
        yield delivered


def _system_attributes(message: Message) -> dict[str, str]:
    known = {
        "SenderId": "AIDALOCAL",
        "SentTimestamp": str(int(message.sent_at * 1000)),
        "ApproximateReceiveCount": str(message.receive_count),
        "ApproximateFirstReceiveTimestamp": str(int(message.first_received_at * 1000)),
    }
    if message.trace_header:
        known["AWSTraceHeader"] = message.trace_header
    if message.dead_letter_of:
        known["DeadLetterQueueSourceArn"] = message.dead_letter_of
    return known


def _entries(given: Json) -> list[_Given]:
    entries = [_Given(entry) for entry in given["Entries"]]
    if not entries:
        raise AwsError("EmptyBatchRequest", "There should be at least one entry in the request.")
    if len(entries) > MAX_BATCH:
        raise AwsError(
            "TooManyEntriesInBatchRequest", f"A batch has at most {MAX_BATCH}, not {len(entries)}."
        )
    if len({entry["Id"] for entry in entries}) < len(entries):
        raise AwsError("BatchEntryIdsNotDistinct", "Two entries have the same Id.")
    return entries


def _within(given: Json, name: str, least: int, most: int, default: int | None) -> int:
    value: int = given[name] if default is None else given.get(name, default)
    if not least <= value <= most:
        raise _invalid(name, f"Must be between {least} and {most}")
    return value


def _invalid(name: str, reason: str) -> AwsError:
    return AwsError(
        "InvalidParameterValue", f"Value for parameter {name} is invalid. Reason: {reason}."
    )
