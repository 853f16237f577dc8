"""What a judgement is made from: ages, progress and faults, as values. Pure.

None means that a number could not be read, or that there is nothing it could be the age of.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from bridge.ledger.heartbeats import Heartbeat, Role
from bridge.ports import QueueCounts
from emails.values.account import AccountState, ReputationLimits
from emails.values.outcomes import NAMES as OUTCOMES
from emails.values.outcomes import RetryReason
from runtime.breakers import OpenBreaker
from runtime.controls.values import Control


class Failing(StrEnum):
    """How Redis fails."""

    AWAY = "away"
    FULL = "full"
    READ_ONLY = "read_only"
    REFUSES = "refuses"


@dataclass(frozen=True, slots=True)
class Fault:
    """A server that can't be used: its own words for why, or an error's name; since when, as far
    as the process knows that asked it.
    """

    says: str
    since: float | None = None


@dataclass(frozen=True, slots=True)
class RedisFault(Fault):
    """A Redis that can't be written to."""

    kind: Failing = Failing.AWAY


_NO_FAILURES = tuple(
    f"not_settled:{reason}"
    for reason in (
        RetryReason.CLAIMED_ELSEWHERE,
        RetryReason.LARGE_MAIL,
        RetryReason.MEMORY_FULL,
        RetryReason.PORTION_DONE,
        RetryReason.SEND_UNCONFIRMED,
        RetryReason.SENDING_PAUSED,
    )
)


@dataclass(frozen=True, slots=True)
class Progress:
    """Counts of the last minutes, oldest first; the last minute is the present one."""

    first_minute: int
    counts: Sequence[Mapping[str, int]]

    def total(self, *names: str) -> int:
        """Sum these counts."""
        return sum(minute.get(name, 0) for minute in self.counts for name in names)

    @property
    def settled(self) -> int:
        """How many recipients were settled."""
        return self.total(*OUTCOMES)

    @property
    def failed(self) -> int:
        """How many attempts failed. Waiting for others, or going on in portions, is no failure."""
        return self.total("not_settled") - self.total(*_NO_FAILURES)

    def each(self) -> "list[Progress]":
        """Return each minute by itself."""
        return [
            Progress(self.first_minute + index, [minute])
            for index, minute in enumerate(self.counts)
        ]

    def minutes_with(self, name: str) -> list[int]:
        """Return the minutes (since 1970) in which this was counted."""
        return [
            self.first_minute + index
            for index, minute in enumerate(self.counts)
            if minute.get(name, 0)
        ]

    def silence(self, now: float, *names: str) -> float | None:
        """Return for how long none of these was counted, at least; None: in all these minutes."""
        last = max((self.minutes_with(name)[-1:] for name in names), default=[])
        return max(0.0, now - (last[0] + 1) * 60) if last else None


@dataclass(frozen=True, slots=True)
class Facts:
    """The state of the installation at `now` (seconds since 1970)."""

    now: float
    redis_at: str
    """Where Redis is: host and port."""
    database_at: str
    redis: RedisFault | None = None
    redis_memory: float | None = None
    """The share of its memory that Redis uses; None: it has no limit."""
    database: Fault | None = None
    """None also if nobody asked: `breakers` then say how it is."""
    unmigrated: Sequence[str] = ()
    """The migrations that have not been applied."""
    breakers: Sequence[OpenBreaker] = ()
    pause: Control | None = None
    """The operator's order that pauses receiving or sending."""
    heartbeats: Sequence[Heartbeat] | None = None
    last_seen: Mapping[Role, float] = field(default_factory=dict)
    """When (seconds since 1970) a process of a role without heartbeats was last counted."""
    queue: QueueCounts | None = None
    queue_fault: Fault | None = None
    dead_letters_in_sqs: int | None = None
    progress: Progress | None = None
    """Of the last hour."""
    usual_silence: float | None = None
    """The longest time without mail of the last day, in seconds; None: not known yet."""
    waiting_seconds: float | None = None
    """How long the oldest message has waited in one of the workers' queues."""
    redis_waiting: int | None = None
    """Messages in the workers' queues in Redis."""
    overflow_waiting: int = 0
    """Messages that wait in the overflow queue."""
    waited_before: tuple[float, int] | None = None
    """How many messages waited in all, and how many seconds ago that was."""
    in_line: int = 0
    """Workers that stand in line for their turn to send."""
    send_rate: float | None = None
    """Mails that may be sent per second."""
    canary_age: float | None = None
    """How long ago the last canary came back; None: there is none, or it is new."""
    account: AccountState | None = None
    reputation: ReputationLimits = field(default_factory=ReputationLimits)
    gauges_age: float | None = None
    sampled_at: float | None = None
    """When the gauges were last stored in Redis."""

    def alive(self, role: Role) -> int | None:
        """Return how many processes of a role live."""
        if self.heartbeats is None:
            return None
        return Counter(beat.process.role for beat in self.heartbeats if beat.is_alive)[role]

    def silent(self, role: Role) -> list[Heartbeat]:
        """Return the processes of a role that were killed or hang."""
        return [
            beat
            for beat in self.heartbeats or ()
            if beat.process.role is role and not beat.is_alive
        ]
