"""What a run cost: counted at SES, SQS, the database and Redis, not by the relay itself."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Sending:
    """One acceptance by SES: when (seconds since the epoch), and which process sent it."""

    at: float
    process: str
    bounced: str | None = None
    """The status of its bounce, empty if the bounce says none; None: it did not bounce."""

    @property
    def has_arrived(self) -> bool:
        """Whether the owner has it. A bounce without a status is a vacation reply."""
        return not self.bounced

    @property
    def met_a_bad_mailbox(self) -> bool:
        """Whether it bounced for its mailbox, not for its content: it is to be held again."""
        return bool(self.bounced) and not str(self.bounced).startswith("5.7.")


@dataclass(frozen=True, slots=True)
class Keeping:
    """What the database says of a held mail, and whether its mail is in S3."""

    state: str
    outcome: str = ""
    """Such as `forwarded existing_mask`; empty until it has ended."""
    releases: int = 0
    is_stored: bool = True
    ended_early: bool = False
    """Whether it ended before it could expire."""


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
    outcome: str = ""
    """Its delivery's in the database, such as `held spam`; empty if it has none."""
    held: Keeping | None = None
    """None: it was never held."""

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
            found["not sent"] += not one.sendings and one.held is None
            found["sent again"] += max(0, len([s for s in one.sendings if s.has_arrived]) - 1)
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
