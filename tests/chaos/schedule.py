"""Which faults are injected, and when: drawn from a seed, so runs can be repeated. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from random import Random


class Kind(StrEnum):
    """Kinds of faults; values are shown in the report."""

    KILL_WORKERS = "workers killed, master and all"
    KILL_WORKER = "worker killed, its master lives"
    KILL_BRIDGE = "bridge killed"
    WIPE_REDIS = "Redis wiped"
    RESTART_REDIS = "Redis killed, back empty"
    RESTART_POSTGRES = "PostgreSQL restarted"
    PAUSE_WORKERS = "workers paused past their heartbeat"
    PAUSE_BRIDGE = "bridge paused past its visibility timeout"
    S3_DOWN = "S3 down"
    SES_THROTTLES = "SES throttles everything"
    SQS_DOWN = "SQS down"


KILLS = (Kind.KILL_WORKERS, Kind.KILL_WORKER, Kind.KILL_BRIDGE)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, `at` seconds after the start; `victim` modulo their number selects a process."""

    at: float
    kind: Kind
    victim: int


@dataclass(frozen=True, slots=True)
class Scale:
    """The size of a run. `numbers` is how often each kind of fault is injected."""

    messages: int
    seconds: float
    numbers: dict[Kind, int]

    @property
    def kills(self) -> int:
        """The number of killed processes."""
        return sum(self.numbers.get(kind, 0) for kind in KILLS)


LONG = Scale(
    messages=5_000,
    seconds=240,
    numbers={
        Kind.KILL_WORKERS: 12,
        Kind.KILL_WORKER: 12,
        Kind.KILL_BRIDGE: 10,
        Kind.WIPE_REDIS: 2,
        Kind.RESTART_REDIS: 2,
        Kind.RESTART_POSTGRES: 2,
        Kind.PAUSE_WORKERS: 2,
        Kind.PAUSE_BRIDGE: 2,
        Kind.S3_DOWN: 2,
        Kind.SES_THROTTLES: 2,
        Kind.SQS_DOWN: 2,
    },
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
        Kind.SES_THROTTLES: 1,
    },
)


def drawn(scale: Scale, seed: int) -> list[Fault]:
    """Return all faults in order, at random times while messages arrive."""
    return sorted(_faults(scale, Random(seed)), key=lambda fault: fault.at)


def _faults(scale: Scale, chance: Random) -> Iterator[Fault]:
    for kind, number in scale.numbers.items():
        for _ in range(number):
            # Not before the first messages are in flight.
            yield Fault(chance.uniform(0.15, 0.95) * scale.seconds, kind, chance.randrange(1000))
