"""Drills: one kind of fault at a time, each such that it once cost mail, and what it costs now.

`python -m tests.chaos --drill` runs them all, each on servers and processes of its own, with
default settings but for daily limits, and an AWS that is well but for the fault. SQS dead-letters
as `deploy/terraform` sets it.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.run import ROOT, unsettled
from tests.chaos.saboteur import Saboteur
from tests.chaos.schedule import Fault, Kind
from tests.chaos.supervisor import BRIDGES, Supervisor
from tests.chaos.world import World
from tests.lab.accounts import Account, Books
from tests.waiting import wait_until
from tools.aws.faults import Faults, ServiceFaults
from tools.local.aws import MAX_RECEIVES

PER_SECOND = 10
_BEFORE_SECONDS, _AFTER_SECONDS = 10.0, 20.0
_SETTLE_SECONDS = 600.0
_LOOK_SECONDS = 0.1
_FULL_SPEED = 0.8
"""Mails arrive evenly, but a second may have one or two fewer."""

_SETTINGS = {"MASK_MAILS_PER_DAY": "100000", "SENDER_MAILS_PER_DAY": "100000"}
_WELL = Faults(
    sqs=ServiceFaults(latency_ms=10),
    s3=ServiceFaults(latency_ms=30),
    ses=ServiceFaults(latency_ms=80),
)


@dataclass(frozen=True, slots=True)
class Drill:
    """A fault, how long it lasts, and how often it is injected."""

    kind: Kind
    seconds: float = 0
    times: int = 1


DRILLS = (
    Drill(Kind.NEW_CERTIFICATE, 40),
    Drill(Kind.SES_DENIES, 60),
    Drill(Kind.SES_DISTRUSTS, 20),
    Drill(Kind.SES_QUOTA, 60),
    Drill(Kind.SES_SILENT, 20),
    Drill(Kind.SES_TIMES_OUT, 20),
    Drill(Kind.SES_FORGETS, 20),
    Drill(Kind.NO_CREDENTIALS, 30),
    Drill(Kind.S3_DENIES, 20),
    Drill(Kind.S3_LATE, 20),
    Drill(Kind.STOP_POSTGRES, 40),
    Drill(Kind.POSTGRES_READ_ONLY, 20),
    Drill(Kind.LOCKED_MASK, 40),
    Drill(Kind.WRONG_CLOCK, 30),
    Drill(Kind.REDIS_FAILOVER),
    Drill(Kind.REDIS_FULL, 40),
    Drill(Kind.SQS_DELETES_UNHEARD, 20),
    Drill(Kind.MISSPELT_BUCKET, 30),
    Drill(Kind.UNNEEDED_EVENTS),
    Drill(Kind.POISON),
    Drill(Kind.POISON, times=15),
)


@dataclass(frozen=True, slots=True)
class Found:
    """What a drill cost. `back_seconds` is how long after the fault mails flowed as before it."""

    drill: Drill
    books: Books
    poison: frozenset[str]
    slowest_seconds: float
    back_seconds: float | None

    @property
    def innocent(self) -> list[Account]:
        """The accounts of all mails that don't kill their worker."""
        return [one for one in self.books.accounts if one.name not in self.poison]

    @property
    def is_bad(self) -> bool:
        """Whether a mail was not sent once, or is still somewhere."""
        return any(
            _times_arrived(one) != 1 or one.state == "in_doubt" or one.is_kept
            for one in self.innocent
        )

    @property
    def row(self) -> str:
        """The drill's row of the table."""
        times, seconds = self.drill.times, self.drill.seconds
        mails = self.innocent
        arrivals = [_times_arrived(one) for one in mails]
        cells = (
            f"{self.drill.kind}, {times} of them" if times > 1 else self.drill.kind,
            f"{seconds:.0f} s" if seconds else "",
            len(mails),
            arrivals.count(1),
            sum(number > 1 for number in arrivals),
            sum(one.state == "in_doubt" for one in mails),
            sum(one.is_kept for one in mails),
            sum(one.burnt for one in mails),
            max((number for one in mails for number in one.receives.values()), default=0),
            f"{self.slowest_seconds:.0f} s",
            "-" if self.back_seconds is None else f"{self.back_seconds:.1f} s",
        )
        return "| " + " | ".join(map(str, cells)) + " |"


HEADER = """\
| fault | lasted | mails | sent once | twice | in doubt | left in SQS | receives beyond one each \
| most of one | slowest mail | full speed after |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"""


def run_drills(drills: Sequence[Drill], log: Callable[[str], object], *, has_events: bool) -> bool:
    """Run drills one after the other, and log the table's rows; returns whether all were good."""
    log(HEADER)
    is_good = True
    for drill in drills:
        # PostgreSQL's user has no access to home folders.
        folder = Path(tempfile.mkdtemp(prefix="relay-drill-"))
        folder.chmod(0o755)
        found = run_drill(folder, drill, has_events=has_events)
        log(found.row)
        is_good &= not found.is_bad
    return is_good


def run_drill(folder: Path, drill: Drill, *, has_events: bool) -> Found:
    """Run one drill; its logs stay in `folder`."""
    world = World(folder, _WELL, has_events=has_events, settings=_SETTINGS)
    try:
        world.set_up(MAX_RECEIVES)
        supervisor = Supervisor(world.stack, world.wiring, str(ROOT))
        try:
            return _drill(world, supervisor, drill)
        finally:
            supervisor.stop()
    finally:
        world.stop()


def _drill(world: World, supervisor: Supervisor, drill: Drill) -> Found:
    saboteur = Saboteur(world, supervisor, {drill.kind: drill.seconds})
    arrived: dict[str, float] = {}

    def deliver(is_over: Callable[[], bool]) -> None:
        while not is_over():
            at = time.time()
            arrived.update(dict.fromkeys(world.lab.deliver(1), at))
            time.sleep(max(0.0, at + 1 / PER_SECOND - time.time()))

    deliver(lambda: bool(world.lab.sent()))  # until all have started
    deliver(_after(_BEFORE_SECONDS))
    for number in range(drill.times):
        saboteur.inject(Fault(0, drill.kind, number))
        deliver(_after(1.0))
    deliver(lambda: not saboteur.is_breaking)
    ended = time.time()
    deliver(_after(_AFTER_SECONDS))
    wait_until(
        "everything settled", lambda: not unsettled(world, supervisor), seconds=_SETTLE_SECONDS
    )
    books = world.lab.books(supervisor.logs(BRIDGES))
    return Found(
        drill,
        books,
        frozenset(saboteur.poison),
        max(_delays(books, arrived), default=0.0),
        seconds_until_back(books.sent_at, ended, PER_SECOND),
    )


def _after(seconds: float) -> Callable[[], bool]:
    until = time.monotonic() + seconds
    return lambda: time.monotonic() >= until


def _times_arrived(account: Account) -> int:
    return sum(sending.has_arrived for sending in account.sendings)


def _delays(books: Books, arrived: dict[str, float]) -> list[float]:
    return [
        one.sendings[0].at - arrived[one.name]
        for one in books.accounts
        if one.sendings and one.name in arrived
    ]


def seconds_until_back(sent_at: Sequence[float], ended: float, per_second: int) -> float | None:
    """Return how long after `ended` a second began in which as many were sent as arrive; or None.

    `sent_at` is sorted.
    """
    after = [at for at in sent_at if at >= ended]
    for number, at in enumerate(after):
        if sum(one < at + 1 for one in after[number:]) >= per_second * _FULL_SPEED:
            return at - ended
    return None
