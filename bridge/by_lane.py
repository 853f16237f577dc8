"""What a poller needs to dispatch by lane: how much to receive, and where to put the rest.

poller thread   calls everything
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from bridge.dispositions import Disposition
from bridge.ledger.dispatch import Dispatched, NotAdmitted, Work
from bridge.ledger.lanes import Lanes
from bridge.messages import Handle, Message
from bridge.overflow import Overflow, Refused
from bridge.ports import Queue
from bridge.rush import Rush, is_one_call
from bridge.sns.lanes import LaneNames
from emails.wire import FEEDBACK_QUEUE


@dataclass(frozen=True, slots=True)
class ByLane:
    """The lanes of one bridge and queue. `is_overflow`: it is the overflow queue."""

    lanes: Lanes
    names: LaneNames
    overflow: Overflow
    max_in_flight: int
    is_overflow: bool = False
    rush: Rush = field(default_factory=Rush)

    def limit(self, wanted: int) -> int:
        """Return how many of the `wanted` messages may be received. Errors of Redis pass through.

        From the main queue, as many as there is a place for if none of them has room in flight, or
        a batch now and then to see what is behind them; from the overflow, as many as have room.
        """
        if not self.is_overflow:
            return self.overflow.limit(wanted)
        room = 0 if len(self.overflow.waiting) else self.find_room()
        return whole_batch(wanted, room, self.max_in_flight)

    def find_room(self) -> int:
        """Return how many mails may come back from the overflow now."""
        return self.lanes.find_bulk_room(self.max_in_flight)

    def receive(self, queue: Queue, demand: int) -> list[Message]:
        """Receive up to `demand` messages; don't wait for them while mail waits here.

        If a receive that waited for seconds brought nothing, nothing is behind any lane. Errors of
        Redis and of SQS pass through.
        """
        waiting = self.overflow.waiting
        waits = waiting.is_empty
        messages = self.rush.receive(queue, demand, waits=waits)
        waiting.aside.drop([message.handle for message in messages])
        self.overflow.look_behind.note_received(len(messages), demand, has_waited=waits)
        if messages and self.is_overflow:
            self.lanes.note_overflow_sent(min(message.sent_at_ms for message in messages))
        elif not messages and waits and is_one_call(demand) and self._nothing_can_be_behind():
            self.lanes.forget_behind()
        return messages

    def close(self) -> None:
        """End what is under way in other threads."""
        self.rush.close()
        self.overflow.close()

    def _nothing_can_be_behind(self) -> bool:
        return not self.overflow.has_target and self.overflow.waiting.is_empty

    def put(self, refused: Sequence[Refused]) -> list[tuple[Handle, Disposition]]:
        """Put what is not admitted into the overflow; returns what became of each."""
        return self.overflow.put(refused, is_counted=self.is_overflow)


def whole_batch(wanted: int, room: int, max_in_flight: int) -> int:
    """Return how many mails are worth a call to SQS: those `wanted`, or none while there is less
    room. Pure.

    Places get free one by one, and a call for one mail costs as much as a call for ten. Mail that
    is back always gets a tenth of what may be in flight, so half of that must be enough.
    """
    return min(wanted, room) if room >= min(wanted, max(1, max_in_flight // 20)) else 0


def split_off(batch: list[Work], most_mails: int) -> tuple[list[Work], list[Refused]]:
    """Split off the mails above a number; feedback is none."""
    asked: list[Work] = []
    refused: list[Refused] = []
    for work in batch:
        if work.message.queue_name != FEEDBACK_QUEUE:
            most_mails -= 1
            if most_mails < 0:
                lane = work.lanes[0] if work.lanes else ""
                refused.append((work, NotAdmitted(Dispatched.NO_ROOM, lane)))
                continue
        asked.append(work)
    return asked, refused
