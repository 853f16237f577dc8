"""What a run cost: counted at SES, SQS, the database and Redis, not by the relay itself."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Sending:
    """One acceptance by SES: when (seconds since the epoch), and which process sent it."""

    at: float
    process: str


@dataclass(frozen=True, slots=True)
class Account:
    """What became of one delivered mail."""

    name: str
    sendings: Sequence[Sending]
    state: str
    """Its delivery's in the database; empty if it has none."""
    receives: Mapping[str, int]
    """By the ids of its SQS messages: one, or two if SNS notified us twice."""
    is_queued: bool = False
    is_given_up: bool = False
    """Whether it is in SQS's dead-letter queue."""
    failures: Sequence[str] = ()
    """Why it was dead-lettered, each time; also if it was forwarded later."""

    @property
    def is_kept(self) -> bool:
        """Whether SQS still has it, in either queue."""
        return self.is_queued or self.is_given_up

    @property
    def burnt(self) -> int:
        """The receives beyond one per message."""
        return sum(max(0, number - 1) for number in self.receives.values())


@dataclass(frozen=True, slots=True)
class Books:
    """The accounts of all mails of a run."""

    accounts: Sequence[Account]
    dead_letters: Mapping[str, int] = field(default_factory=dict)
    """In Redis, by reason."""

    @property
    def cost(self) -> dict[str, int]:
        """Everything but one sending, one receive and one deletion per mail; {} is perfect."""
        found: Counter[str] = Counter()
        for one in self.accounts:
            found["not sent"] += not one.sendings
            found["sent again"] += max(0, len(one.sendings) - 1)
            found["in doubt"] += one.state == "in_doubt"
            found["left in the queue"] += one.is_queued
            found["in SQS's dead-letter queue"] += one.is_given_up
            found["receives burnt"] += one.burnt
            found.update(f"dead letter: {reason}" for reason in one.failures)
        found.update({f"dead letter in Redis: {r}": n for r, n in self.dead_letters.items()})
        return {what: number for what, number in found.items() if number}

    @property
    def most_receives(self) -> int:
        """The most that one message was received."""
        return max((n for one in self.accounts for n in one.receives.values()), default=0)

    @property
    def sent_at(self) -> list[float]:
        """When SES accepted mails, in order."""
        return sorted(sending.at for one in self.accounts for sending in one.sendings)
