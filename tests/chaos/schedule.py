"""Which faults are injected, and when: drawn from a seed, so runs can be repeated. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random


class Kind(StrEnum):
    """Kinds of faults; values are shown in the report."""

    KILL_WORKERS = "workers killed, master and all"
    KILL_WORKER = "worker killed, its master lives"
    KILL_BRIDGE = "bridge killed"
    PAUSE_WORKERS = "workers paused past their heartbeat"
    PAUSE_BRIDGE = "bridge paused past its visibility timeout"
    POISON = "a mail that kills whoever fetches it"
    MISSPELT_BUCKET = "workers restarted with a misspelt bucket, then with the right one"
    WRONG_CLOCK = "workers restarted with a clock three minutes ahead, then with the right one"
    NO_CREDENTIALS = "workers restarted, their credentials not to be had yet"

    WIPE_REDIS = "Redis wiped"
    RESTART_REDIS = "Redis killed, back with its last snapshot"
    REDIS_FULL = "Redis full"
    REDIS_SMALL = "a small Redis, and more dead letters than it has room for"
    REDIS_FAILOVER = "Redis failed over, the old primary alive as a replica"
    REDIS_SILENT = "Redis silent to a process"
    REDIS_WIPED_IN_FLOOD = "Redis wiped in the middle of a flood"
    REDIS_UNHEARD = "Redis's answers to a process lost"
    REDIS_SLOW = "Redis slow for a process"

    RESTART_POSTGRES = "PostgreSQL restarted"
    STOP_POSTGRES = "PostgreSQL stopped for a while"
    POSTGRES_READ_ONLY = "PostgreSQL read-only"
    POSTGRES_UNHEARD = "PostgreSQL's answers to a worker lost"
    LOCKED_MASK = "a mask's row locked by an operator"

    S3_DOWN = "S3 down"
    S3_DENIES = "S3 denies everything"
    S3_LATE = "S3 shows new objects late"

    SES_THROTTLES = "SES throttles everything"
    SES_DENIES = "SES denies everything"
    SES_DISTRUSTS = "SES finds all signatures expired"
    SES_QUOTA = "SES over its daily quota"
    SES_SILENT = "SES takes requests and never answers"
    SES_TIMES_OUT = "SES accepts, and answers 504"
    SES_UNHEARD = "SES's answers to a worker lost"
    SES_FORGETS = "a NAT before SES forgets idle connections"

    SQS_DOWN = "SQS down"
    SQS_DELETES_UNHEARD = "SQS's answers to deletes lost"
    OVERFLOW_DOWN = "the overflow queue down"
    OVERFLOW_UNHEARD = "the overflow queue's answers to moves lost"
    OVERFLOW_KILL = "bridges killed between moving a message to the overflow and deleting it"
    NEW_CERTIFICATE = "SNS signs with a certificate that can't be had yet"
    CUT = "all connections cut"
    UNNEEDED_EVENTS = "events of SES that nobody needs"


KILLS = (Kind.KILL_WORKERS, Kind.KILL_WORKER, Kind.KILL_BRIDGE)

IN_FLOODS = (
    Kind.REDIS_WIPED_IN_FLOOD,
    Kind.OVERFLOW_DOWN,
    Kind.OVERFLOW_UNHEARD,
    Kind.OVERFLOW_KILL,
)
"""Faults that come with a flood to one mask: without it, little or nothing is moved."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, `at` seconds after the start; `victim` modulo their number selects a process."""

    at: float
    kind: Kind
    victim: int


@dataclass(frozen=True, slots=True)
class Scale:
    """The size of a run. `numbers` is how often each kind of fault is injected.

    The seed draws `drawn` faults more, from `kinds`. `acts` is the number of acts beside them.
    """

    messages: int
    seconds: float
    numbers: dict[Kind, int] = field(default_factory=dict)
    drawn: int = 0
    kinds: tuple[Kind, ...] = tuple(Kind)
    acts: int = 0

    @property
    def kills(self) -> int:
        """The number of killed processes."""
        return sum(self.numbers.get(kind, 0) for kind in KILLS)

    @property
    def faults(self) -> int:
        """The number of faults."""
        return sum(self.numbers.values()) + self.drawn


_MANY = {Kind.KILL_WORKERS: 12, Kind.KILL_WORKER: 12, Kind.KILL_BRIDGE: 10}
_ONE = (
    Kind.POISON,
    Kind.MISSPELT_BUCKET,
    Kind.WRONG_CLOCK,
    Kind.NO_CREDENTIALS,
    Kind.REDIS_FAILOVER,
    Kind.REDIS_SMALL,
    Kind.NEW_CERTIFICATE,
)

LONG = Scale(
    messages=5_000,
    seconds=300,
    numbers=dict.fromkeys(Kind, 2) | dict.fromkeys(_ONE, 1) | _MANY,
    acts=30,
)

SHORT = Scale(
    messages=150,
    seconds=12,
    numbers={
        Kind.KILL_WORKERS: 1,
        Kind.KILL_WORKER: 1,
        Kind.KILL_BRIDGE: 1,
        Kind.WIPE_REDIS: 1,
        Kind.RESTART_POSTGRES: 1,
        Kind.SES_DENIES: 1,
        Kind.OVERFLOW_KILL: 1,
        Kind.CUT: 1,
    },
    acts=5,
)

STORM = Scale(messages=1_500, seconds=300, drawn=50, acts=30)


def storm(seconds: float, kinds: Sequence[Kind] = ()) -> Scale:
    """Return a storm of another length, with faults of these kinds only; none: of all kinds."""
    share = seconds / STORM.seconds
    messages, drawn, acts = (
        max(1, round(share * number)) for number in (STORM.messages, STORM.drawn, STORM.acts)
    )
    return Scale(messages, seconds, drawn=drawn, acts=acts, kinds=tuple(kinds) or STORM.kinds)


def drawn(scale: Scale, seed: int) -> list[Fault]:
    """Return all faults in order, at random times while messages arrive."""
    return sorted(_faults(scale, Random(seed)), key=lambda fault: fault.at)


def _faults(scale: Scale, chance: Random) -> Iterator[Fault]:
    kinds = [kind for kind, number in scale.numbers.items() for _ in range(number)]
    kinds += chance.choices(scale.kinds, k=scale.drawn)
    for kind in kinds:
        # Not before the first messages are in flight.
        yield Fault(chance.uniform(0.15, 0.95) * scale.seconds, kind, chance.randrange(1000))
