"""One SQS queue in memory, with visibility, delays and redrive. No I/O; callers pass `now`.

Each message has a sequence number. One heap holds the numbers of waiting messages; another those of
hidden and delayed ones, by the time when they return. Outdated heap entries are skipped when they
come up, so no operation costs more than O(log n).

All times are in seconds since the epoch.
"""

import asyncio
import base64
import binascii
import hashlib
import itertools
import re
import uuid
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum, auto
from heapq import heappop, heappush
from typing import Any

from tools.aws.faults import Dice
from tools.aws.web import AwsError

_SNS_ID = re.compile(r'"MessageId": ?"([^"]+)"')
_ENVELOPE_START = 1_000


class State(Enum):
    """The state of a message in its queue."""

    WAITING = auto()
    DELAYED = auto()
    HIDDEN = auto()


@dataclass(slots=True)
class Message:
    """One message, with its delivery history."""

    body: str
    sent_at: float
    attributes: dict[str, Any] = field(default_factory=dict)
    message_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    md5: str = ""
    sequence: int = 0
    state: State = State.WAITING
    returns_at: float = 0
    receive_count: int = 0
    deliveries: int = 0
    """Like `receive_count`, but with injected duplicates, which SQS does not count."""
    has_duplicate: bool = False
    """Whether an injected duplicate waits."""
    first_received_at: float = 0
    dead_letter_of: str | None = None
    """The ARN of the queue that gave it up."""
    trace_header: str = ""

    def __post_init__(self) -> None:
        self.md5 = hashlib.md5(self.body.encode(), usedforsecurity=False).hexdigest()

    @property
    def receipt_handle(self) -> str:
        """The receipt handle of its newest delivery."""
        text = f"{self.sequence} {self.deliveries} {self.message_id}"
        return base64.b64encode(text.encode()).decode()


class Queue:
    """One queue. `attributes` are texts, as in SQS's API."""

    def __init__(self, name: str, arn: str, created_at: float) -> None:
        self.name = name
        self.arn = arn
        self.created_at = created_at
        self.attributes: dict[str, str] = {}
        self.visibility_seconds = 30
        self.delay_seconds = 0
        self.wait_seconds = 0
        self.dead_letters: Queue | None = None
        self.max_receives = 0
        self.receives: dict[str, int] = {}
        """How often each message was received, by its id; deleted ones stay."""
        self.sns_ids: dict[str, str] = {}
        """The id that SNS gave to what each message announces, by its own; deleted ones stay."""
        self.arrived = asyncio.Event()
        """Set when a message is waiting, or will be sooner than before. Receivers clear it."""
        self._numbers = itertools.count()
        self._messages: dict[int, Message] = {}
        self._waiting: list[int] = []
        self._returning: list[tuple[float, int]] = []
        self._counts: Counter[State] = Counter()

    def send(self, message: Message, now: float, delay_seconds: float = 0) -> None:
        """Add a message, new or from another queue."""
        message.sequence = next(self._numbers)
        if sns_id := _SNS_ID.search(message.body, 0, _ENVELOPE_START):
            self.sns_ids[message.message_id] = sns_id[1]
        self._messages[message.sequence] = message
        self._counts[message.state] += 1
        if delay_seconds > 0:
            self._hide(message, State.DELAYED, now + delay_seconds)
        else:
            self._let_wait(message)

    def receive(self, limit: int, hidden_seconds: float, now: float, dice: Dice) -> list[Message]:
        """Deliver up to `limit` messages; those received too often are dead-lettered instead."""
        reordered = dice.faults.reordered
        found = self._candidates(limit + reordered - 1, now)
        if reordered > 1:
            dice.randoms["sqs"].shuffle(found)
        for message in found[limit:]:
            heappush(self._waiting, message.sequence)
        for message in found[:limit]:
            self._deliver(message, hidden_seconds, now, dice)
        return found[:limit]

    def delete(self, receipt_handle: str, dice: Dice) -> None:
        """Delete a message. As in SQS, an older delivery's handle succeeds and deletes nothing."""
        message, is_newest = self._find(receipt_handle)
        if message and is_newest and not dice.happens(dice.faults.undeleted):
            self._remove(message)

    def change_visibility(self, receipt_handle: str, seconds: float, now: float) -> None:
        """Hide a message until `seconds` from now. An older delivery's handle changes nothing."""
        self._let_return(now)
        message, is_newest = self._find(receipt_handle)
        if message is None:
            raise AwsError(
                "InvalidParameterValue",
                f"Value {receipt_handle} for parameter ReceiptHandle is invalid. Reason: Message"
                " does not exist or is not available for visibility timeout change.",
            )
        if message.state is not State.HIDDEN:
            raise AwsError("MessageNotInflight", "The specified message isn't in flight.")
        if is_newest:
            self._hide(message, State.HIDDEN, now + seconds)
            self.arrived.set()  # it may return sooner than a receiver expects

    def take(self, now: float) -> Message | None:
        """Remove and return the oldest waiting message, to move it to another queue."""
        self._let_return(now)
        while self._waiting:
            message = self._messages.get(heappop(self._waiting))
            if message and message.state is State.WAITING:
                self._remove(message)
                return message
        return None

    def purge(self) -> None:
        """Drop all messages."""
        self._messages.clear()
        self._waiting.clear()
        self._returning.clear()
        self._counts.clear()

    def message_ids(self) -> list[str]:
        """List the ids of all messages, hidden ones included."""
        return [message.message_id for message in self._messages.values()]

    def count(self, state: State, now: float) -> int:
        """Count the messages in a state."""
        self._let_return(now)
        return self._counts[state]

    def next_return_at(self) -> float | None:
        """Return when the next hidden or delayed message may become visible, or None."""
        return self._returning[0][0] if self._returning else None

    def _candidates(self, number: int, now: float) -> list[Message]:
        self._let_return(now)
        found: dict[int, Message] = {}
        while len(found) < number and self._waiting:
            message = self._messages.get(heappop(self._waiting))
            if message is None or not (message.state is State.WAITING or message.has_duplicate):
                continue
            if self.dead_letters and message.receive_count >= self.max_receives:
                self._give_up(message, self.dead_letters, now)
            else:
                found[message.sequence] = message
        return list(found.values())

    def _deliver(self, message: Message, hidden_seconds: float, now: float, dice: Dice) -> None:
        is_duplicate = message.state is State.HIDDEN
        message.deliveries += 1
        if not is_duplicate:
            message.receive_count += 1
            message.first_received_at = message.first_received_at or now
            self.receives[message.message_id] = message.receive_count
        message.has_duplicate = not is_duplicate and dice.happens(dice.faults.duplicated)
        if message.has_duplicate:
            heappush(self._waiting, message.sequence)
        self._hide(message, State.HIDDEN, now + hidden_seconds)

    def _give_up(self, message: Message, dead_letters: "Queue", now: float) -> None:
        self._remove(message)
        message.dead_letter_of = self.arn
        message.has_duplicate = False
        dead_letters.send(message, now)

    def _hide(self, message: Message, state: State, until: float) -> None:
        self._set_state(message, state)
        message.returns_at = until
        heappush(self._returning, (until, message.sequence))

    def _let_return(self, now: float) -> None:
        while self._returning and self._returning[0][0] <= now:
            due, sequence = heappop(self._returning)
            message = self._messages.get(sequence)
            if message and message.state is not State.WAITING and message.returns_at == due:
                self._let_wait(message)

    def _let_wait(self, message: Message) -> None:
        self._set_state(message, State.WAITING)
        heappush(self._waiting, message.sequence)
        self.arrived.set()

    def _set_state(self, message: Message, state: State) -> None:
        self._counts[message.state] -= 1
        self._counts[state] += 1
        message.state = state

    def _remove(self, message: Message) -> None:
        del self._messages[message.sequence]
        self._counts[message.state] -= 1

    def _find(self, receipt_handle: str) -> tuple[Message | None, bool]:
        """Find the message of a receipt handle, and whether the handle is its newest."""
        try:
            sequence, delivery, message_id = base64.b64decode(receipt_handle).split(b" ")
            message = self._messages.get(int(sequence))
            is_newest = message is not None and int(delivery) == message.deliveries
        except (ValueError, binascii.Error):
            raise AwsError(
                "ReceiptHandleIsInvalid", f"The input receipt handle {receipt_handle!r} is invalid."
            ) from None
        if message is None or message.message_id != message_id.decode():
            return None, False
        return message, is_newest
