"""One SQS queue in memory: what waits, what is hidden, and for how long. No I/O; `now` is given.

A queue tells its messages apart by a sequence number. One heap holds the numbers of those that
wait, another those that come back, by the time when they do. An entry whose message is gone or
elsewhere by then is skipped as it comes up: no operation costs more than O(log n).

All times are in seconds since the epoch.
"""

import asyncio
import base64
import binascii
import hashlib
import itertools
import uuid
from collections import Counter
from dataclasses import dataclass, field
from enum import Enum, auto
from heapq import heappop, heappush
from typing import Any

from tools.aws.faults import Dice
from tools.aws.web import AwsError


class Place(Enum):
    """Where in its queue a message is."""

    WAITING = auto()
    DELAYED = auto()
    HIDDEN = auto()


@dataclass(slots=True)
class Message:
    """One message, and what became of it so far."""

    body: str
    sent_at: float
    attributes: dict[str, Any] = field(default_factory=dict)
    message_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    md5: str = ""
    sequence: int = 0
    place: Place = Place.WAITING
    returns_at: float = 0
    receive_count: int = 0
    deliveries: int = 0
    """As `receive_count`, and the duplicates too, which SQS does not count."""
    comes_again: bool = False
    """A duplicate of it waits."""
    first_received_at: float = 0
    dead_letter_of: str | None = None
    """The ARN of the queue that gave it up."""

    def __post_init__(self) -> None:
        self.md5 = hashlib.md5(self.body.encode(), usedforsecurity=False).hexdigest()

    @property
    def receipt_handle(self) -> str:
        """The handle of its newest delivery."""
        text = f"{self.sequence} {self.deliveries} {self.message_id}"
        return base64.b64encode(text.encode()).decode()


class Queue:
    """One queue. `attributes` are as an operator sets them: all text."""

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
        self.arrived = asyncio.Event()
        """Set when a message begins to wait or will do so sooner; who waits for one clears it."""
        self._numbers = itertools.count()
        self._messages: dict[int, Message] = {}
        self._waiting: list[int] = []
        self._returning: list[tuple[float, int]] = []
        self._counts: Counter[Place] = Counter()

    def send(self, message: Message, now: float, delay_seconds: float = 0) -> None:
        """Take in a message, new or from another queue."""
        message.sequence = next(self._numbers)
        self._messages[message.sequence] = message
        self._counts[message.place] += 1
        if delay_seconds > 0:
            self._hide(message, Place.DELAYED, now + delay_seconds)
        else:
            self._let_wait(message)

    def receive(self, limit: int, hidden_seconds: float, now: float, dice: Dice) -> list[Message]:
        """Deliver up to `limit` messages; those received too often become dead letters instead."""
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
        """Delete a message. As in SQS, an older delivery's handle is taken and deletes nothing."""
        message, is_newest = self._find(receipt_handle)
        if message and is_newest and not dice.is_so(dice.faults.undeleted):
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
        if message.place is not Place.HIDDEN:
            raise AwsError("MessageNotInflight", "The specified message isn't in flight.")
        if is_newest:
            self._hide(message, Place.HIDDEN, now + seconds)
            self.arrived.set()  # whoever waits for it may have to wait less long

    def take(self, now: float) -> Message | None:
        """Take the oldest waiting message out of the queue, as moving it elsewhere does."""
        self._let_return(now)
        while self._waiting:
            message = self._messages.get(heappop(self._waiting))
            if message and message.place is Place.WAITING:
                self._remove(message)
                return message
        return None

    def purge(self) -> None:
        """Forget all messages."""
        self._messages.clear()
        self._waiting.clear()
        self._returning.clear()
        self._counts.clear()

    def count(self, place: Place, now: float) -> int:
        """Count the messages in a place."""
        self._let_return(now)
        return self._counts[place]

    def next_return_at(self) -> float | None:
        """Tell when a hidden message may begin to wait again, if there is one."""
        return self._returning[0][0] if self._returning else None

    def _candidates(self, number: int, now: float) -> list[Message]:
        self._let_return(now)
        found: dict[int, Message] = {}
        while len(found) < number and self._waiting:
            message = self._messages.get(heappop(self._waiting))
            if message is None or not (message.place is Place.WAITING or message.comes_again):
                continue
            if self.dead_letters and message.receive_count >= self.max_receives:
                self._give_up(message, self.dead_letters, now)
            else:
                found[message.sequence] = message
        return list(found.values())

    def _deliver(self, message: Message, hidden_seconds: float, now: float, dice: Dice) -> None:
        is_duplicate = message.place is Place.HIDDEN
        message.deliveries += 1
        if not is_duplicate:
            message.receive_count += 1
            message.first_received_at = message.first_received_at or now
        message.comes_again = not is_duplicate and dice.is_so(dice.faults.duplicated)
        if message.comes_again:
            heappush(self._waiting, message.sequence)
        self._hide(message, Place.HIDDEN, now + hidden_seconds)

    def _give_up(self, message: Message, dead_letters: "Queue", now: float) -> None:
        self._remove(message)
        message.dead_letter_of = self.arn
        message.comes_again = False
        dead_letters.send(message, now)

    def _hide(self, message: Message, place: Place, until: float) -> None:
        self._place(message, place)
        message.returns_at = until
        heappush(self._returning, (until, message.sequence))

    def _let_return(self, now: float) -> None:
        while self._returning and self._returning[0][0] <= now:
            due, sequence = heappop(self._returning)
            message = self._messages.get(sequence)
            if message and message.place is not Place.WAITING and message.returns_at == due:
                self._let_wait(message)

    def _let_wait(self, message: Message) -> None:
        self._place(message, Place.WAITING)
        heappush(self._waiting, message.sequence)
        self.arrived.set()

    def _place(self, message: Message, place: Place) -> None:
        self._counts[message.place] -= 1
        self._counts[place] += 1
        message.place = place

    def _remove(self, message: Message) -> None:
        del self._messages[message.sequence]
        self._counts[message.place] -= 1

    def _find(self, receipt_handle: str) -> tuple[Message | None, bool]:
        """Find the message that a handle was given for, and tell whether it is its newest."""
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
