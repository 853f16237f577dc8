"""What a bridge has done since it started: for its logs, its health file and its exit line.

Each number has one writer, the poller's thread or the acknowledger's; any thread may read it.
"""

from collections import Counter
from dataclasses import asdict, dataclass

from bridge.dispositions import Disposition


@dataclass(slots=True)
class Totals:
    """Running totals."""

    cycles: int = 0
    received: int = 0
    enqueued: int = 0
    rejected: int = 0
    deferred: int = 0
    parked: int = 0
    succeeded: int = 0
    failed: int = 0
    deleted: int = 0

    def count(self, dispositions: Counter[Disposition]) -> None:
        """Count what became of messages."""
        self.enqueued += dispositions[Disposition.ENQUEUED]
        self.rejected += dispositions[Disposition.REJECTED]
        self.parked += dispositions[Disposition.PARKED]
        self.deferred += sum(
            dispositions[one]
            for one in (Disposition.DEFERRED, Disposition.REFUSED, Disposition.ERROR)
        )

    def as_fields(self) -> dict[str, int]:
        """Return the totals under their names in logs and in the health file."""
        numbers = asdict(self)
        return {
            "cycles": numbers.pop("cycles"),
            "total_messages": numbers.pop("received"),
            "failed_messages": self.rejected + self.failed,
            **numbers,
        }
