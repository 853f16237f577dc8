"""What a bridge has done since it started: for its logs, its health file and its exit line.

Each number has one writer, the poller's thread or the acknowledger's; any thread may read it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import markus

from bridge.dispositions import Disposition
from bridge.messages import Handle, Message

metrics = markus.get_metrics("bridge")

_IS_NEWS = frozenset(
    {
        Disposition.DEFERRED,
        Disposition.ENQUEUED,
        Disposition.MOVING,
        Disposition.PARKED,
        Disposition.REJECTED,
        Disposition.SET_ASIDE,
        Disposition.WAITING,
    }
)
"""What becomes of news from outside. SES's `Send` events are none: they follow our own mail."""


@dataclass(slots=True)
class Totals:
    """Running totals."""

    cycles: int = 0
    received: int = 0
    enqueued: int = 0
    rejected: int = 0
    deferred: int = 0
    parked: int = 0
    overflowed: int = 0
    succeeded: int = 0
    failed: int = 0
    deleted: int = 0

    def count(self, dispositions: Counter[Disposition]) -> None:
        """Count what became of messages."""
        self.enqueued += dispositions[Disposition.ENQUEUED]
        self.rejected += dispositions[Disposition.REJECTED]
        self.parked += dispositions[Disposition.PARKED]
        self.overflowed += dispositions[Disposition.OVERFLOWED] + dispositions[Disposition.WAITING]
        self.deferred += sum(
            dispositions[one]
            for one in (Disposition.DEFERRED, Disposition.REFUSED, Disposition.ERROR)
        )

    def add(self, other: "Totals") -> "Totals":
        """Return the sums of these totals and others."""
        mine, theirs = asdict(self), asdict(other)
        return Totals(**{name: number + theirs[name] for name, number in mine.items()})

    def as_fields(self) -> dict[str, int]:
        """Return the totals under their names in logs and in the health file."""
        numbers = asdict(self)
        return {
            "cycles": numbers.pop("cycles"),
            "total_messages": numbers.pop("received"),
            "failed_messages": self.rejected + self.failed,
            **numbers,
        }


def count_taken(dispositions: Counter[Disposition], totals: Totals) -> None:
    """Count, also for the metric, what became of messages. Those being moved come again."""
    totals.count(dispositions)
    for result, number in dispositions.items():
        if result is not Disposition.MOVING:
            metrics.incr("taken", number, tags=[f"result:{result}"])


def count_arrived(messages: Sequence[Message], results: Mapping[Handle, Disposition]) -> None:
    """Count the news that SQS delivers for the first time.

    What comes back, such as a rejected message, must not hide that nothing new comes.
    """
    arrived = sum(
        one.receive_count == 1 and results.get(one.handle, Disposition.DEFERRED) in _IS_NEWS
        for one in messages
    )
    if arrived:
        metrics.incr("arrived", arrived)
