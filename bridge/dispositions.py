"""What became of the messages that the poller received."""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum


class Disposition(StrEnum):
    """What became of a received message. The values appear in the log and in a metric."""

    ENQUEUED = "enqueued"
    ALREADY_IN_FLIGHT = "already_in_flight"
    ALREADY_DONE = "already_done"
    ALREADY_FAILED = "already_failed"
    CONFIRMED = "confirmed"
    SEND_CONFIRMED = "send_confirmed"
    UNNEEDED = "unneeded"
    REJECTED = "rejected"
    DEFERRED = "deferred"
    PARKED = "parked"
    MOVING = "moving"
    OVERFLOWED = "overflowed"
    WAITING = "waiting"
    SET_ASIDE = "set_aside"
    REFUSED = "refused"
    ERROR = "error"


NEEDS_NOTHING_MORE = frozenset(
    {
        Disposition.ALREADY_DONE,
        Disposition.CONFIRMED,
        Disposition.UNNEEDED,
    }
)
"""A message that ended so is deleted from SQS at once."""

IS_NO_WORK = NEEDS_NOTHING_MORE | {Disposition.SEND_CONFIRMED, Disposition.ALREADY_FAILED}
"""A message that ended so waits for no worker."""

FAILURES = frozenset(
    {Disposition.REJECTED, Disposition.DEFERRED, Disposition.REFUSED, Disposition.ERROR}
)


@dataclass(frozen=True, slots=True)
class Cycle:
    """One cycle of the poller: messages received, what became of them, and the time taken.

    `is_outdated`: all were sent so long ago that they tell nothing of how things are now.
    """

    received: int
    dispositions: Counter[Disposition]
    poll_seconds: float
    process_seconds: float
    is_outdated: bool = False

    @property
    def is_no_probe(self) -> bool:
        """Whether messages were received, and none of them can close a breaker."""
        is_without_work = self.received > 0 and self.dispositions.keys() <= IS_NO_WORK
        return is_without_work or self.is_outdated

    @property
    def failed(self) -> int:
        """How many messages could not be dispatched."""
        return sum(self.dispositions[failure] for failure in FAILURES)
