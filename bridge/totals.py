"""What a bridge has done since it started: for its logs, its health file and its exit line.

Pollers, movers and acknowledgers raise them, each in a thread of its own; any thread may read them.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from threading import Lock

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
    _lock: Lock = field(default_factory=Lock, init=False, repr=False, compare=False)

    def increase(self, **by: int) -> None:
        """Raise numbers by their names."""
        with self._lock:
            for name, more in by.items():
                setattr(self, name, getattr(self, name) + more)

    def count(self, dispositions: Counter[Disposition]) -> None:
        """Count what became of messages."""
        undone = (Disposition.DEFERRED, Disposition.REFUSED, Disposition.ERROR)
        self.increase(
            enqueued=dispositions[Disposition.ENQUEUED],
            rejected=dispositions[Disposition.REJECTED],
            parked=dispositions[Disposition.PARKED],
            overflowed=dispositions[Disposition.OVERFLOWED] + dispositions[Disposition.WAITING],
            deferred=sum(dispositions[one] for one in undone),
        )

    def add(self, other: "Totals") -> "Totals":
        """Return the sums of these totals and others."""
        mine, theirs = self.numbers(), other.numbers()
        return Totals(**{name: number + theirs[name] for name, number in mine.items()})

    def as_fields(self) -> dict[str, int]:
        """Return the totals under their names in logs and in the health file."""
        numbers = self.numbers()
        return {
            "cycles": numbers.pop("cycles"),
            "total_messages": numbers.pop("received"),
            "failed_messages": numbers["rejected"] + numbers["failed"],
            **numbers,
        }

    def numbers(self) -> dict[str, int]:
        """Return all of one moment, by name."""
        with self._lock:
            return {one.name: getattr(self, one.name) for one in fields(self) if one.init}


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
