"""The stalls: each that once stopped mail unseen, on real processes, judged and paged for.

`python -m tests.chaos --stalls` injects one after the other under steady traffic, and prints how
many seconds it took until the judgement named the cause, and until a real Prometheus paged.
"""

import signal
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import psycopg

from relay.operations.judgement.causes import Cause, Level
from tests.chaos.alarms import find_prometheus
from tests.chaos.scene import Scene
from tools.aws.faults import Refusal

PAGE_SECONDS = 300
"""Within how long each must page."""

_HEAL_SECONDS = 120
_AFTER_PAGE_SECONDS = 10
"""How long a second page, for what follows from the first, has to come."""
_BALLAST_BYTES = 20_000_000
_LOOK_SECONDS = 2.0

NO_PAGE = "no page"

Undo = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Stall:
    """A stall, the cause that must be named, and how it is injected."""

    name: str
    cause: Cause
    inject: Callable[[Scene], Undo]
    page: str = ""
    """The alert, if it isn't `MailRelayStalled` with the cause. `NO_PAGE`: it is worth a ticket."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of a stall: after how many seconds it was red, and paged; all that paged."""

    stall: Stall
    red_seconds: float | None
    page_seconds: float | None
    pages: frozenset[str]
    sentence: str

    @property
    def is_good(self) -> bool:
        """Whether the right cause was named, and exactly its page came in time."""
        expected = self.stall.page or f"MailRelayStalled {self.stall.cause}"
        pages = set() if expected == NO_PAGE else {expected}
        return self.red_seconds is not None and self.pages == pages

    @property
    def row(self) -> str:
        """Its row of the table."""
        seconds = [
            "never" if one is None else f"{one:.0f} s"
            for one in (self.red_seconds, self.page_seconds)
        ]
        cells = (self.stall.name, *seconds, ", ".join(sorted(self.pages)) or "none", self.sentence)
        return f"| {' | '.join(cells)} |"


HEADER = """\
| stall | named after | paged after | pages | first line |
| --- | --- | --- | --- | --- |"""


def refuse(service: str, status: int, code: str, message: str = "") -> Callable[[Scene], Undo]:
    """Let a service refuse all calls with this status and code."""
    changes: dict[str, Any] = {service: {"refused": Refusal(status, code, message)}}
    return lambda scene: scene.world.trouble_aws(code, changes)


def _new_certificate(scene: Scene) -> Undo:
    publish = scene.world.sign_anew()
    # SNS signs all with one certificate, SES's events as well.
    scene.world.aws.publish_send_events()
    return publish


def _fill_redis(scene: Scene) -> Undo:
    client = scene.redis()
    client.set("ballast", b"x" * _BALLAST_BYTES)
    client.config_set("maxmemory", int(_BALLAST_BYTES * 0.9))
    return lambda: (client.config_set("maxmemory", 0), client.delete("ballast"))


def _demote_redis(scene: Scene) -> Undo:
    client = scene.redis()
    client.replicaof("127.0.0.1", "1")
    return lambda: client.replicaof("NO", "ONE")


def _lock_database(scene: Scene) -> Undo:
    connection = psycopg.connect(scene.world.postgres.url)
    connection.execute("LOCK TABLE emails_delivery IN ACCESS EXCLUSIVE MODE")
    return connection.close


def _end_poller(scene: Scene) -> Undo:
    scene.bridge.send(signal.SIGUSR1)

    def undo() -> None:
        scene.bridge.send_to_group(signal.SIGKILL)
        scene.bridge = scene.start_bridge()

    return undo


def _kill_workers(scene: Scene) -> Undo:
    scene.workers.send_to_group(signal.SIGKILL)

    def undo() -> None:
        scene.workers = scene.start_workers()

    return undo


def _kill_scheduler(scene: Scene) -> Undo:
    scene.scheduler.send_to_group(signal.SIGKILL)

    def undo() -> None:
        scene.scheduler = scene.world.stack.start_scheduler()

    return undo


def _traffic(mode: str) -> Callable[[Scene], Undo]:
    def inject(scene: Scene) -> Undo:
        scene.mode = mode
        return lambda: setattr(scene, "mode", "mail")

    return inject


STALLS = (
    Stall("certificate host away", Cause.CERTIFICATES_AWAY, _new_certificate),
    Stall("Redis full", Cause.REDIS_FULL, _fill_redis),
    Stall("Redis read-only", Cause.REDIS_READ_ONLY, _demote_redis),
    Stall("SES paused", Cause.SES_PAUSED, refuse("ses", 400, "SendingPausedException")),
    Stall("SES permission gone", Cause.SES_DENIED, refuse("ses", 403, "AccessDeniedException")),
    Stall("S3 permission gone", Cause.S3_DENIED, refuse("s3", 403, "AccessDenied")),
    Stall("database locked", Cause.DATABASE_LOCKED, _lock_database),
    Stall("a poller thread dead", Cause.NO_BRIDGE, _end_poller),
    Stall("all workers stopped", Cause.NO_WORKER, _kill_workers, "MailRelayWorkersNotScraped"),
    Stall("scheduler dead", Cause.NO_SCHEDULER, _kill_scheduler),
    Stall("raw delivery switched on", Cause.RAW_DELIVERY, _traffic("raw")),
    Stall("topic unsubscribed", Cause.NO_MAIL, _traffic("none")),
)


def run_stalls(stalls: Sequence[Stall], log: Callable[[str], object]) -> bool:
    """Inject the stalls, and log the table's rows; returns whether all were named and paged."""
    program = find_prometheus()
    if program is None:
        log("stalls: NOT RUN, there is no prometheus: apt-get install prometheus")
        return True
    folder = Path(tempfile.mkdtemp(prefix="relay-stalls-"))
    folder.chmod(0o755)
    scene = Scene(folder, program)
    all_seen = []
    try:
        _heal(scene)
        log(HEADER)
        for stall in stalls:
            all_seen.append(_watch(scene, stall))
            log(all_seen[-1].row)
    finally:
        scene.stop()
    named = [one.red_seconds for one in all_seen if one.red_seconds is not None]
    if named:
        log(f"named after {median(named):.0f} s in the median, {max(named):.0f} s at most")
    return all(one.is_good for one in all_seen)


def _watch(scene: Scene, stall: Stall) -> Seen:
    before = scene.alarms.pages()
    started = time.monotonic()
    undo = stall.inject(scene)
    red = page = None
    pages: set[str] = set()
    sentence = ""
    while (seconds := time.monotonic() - started) < PAGE_SECONDS:
        verdict = scene.judge()
        if red is None and verdict.causes and verdict.causes[0].cause is stall.cause:
            red, sentence = seconds, verdict.causes[0].sentence
        pages |= scene.alarms.pages() - before
        if page is None and pages:
            page = seconds
        if red is not None and page is not None and seconds > page + _AFTER_PAGE_SECONDS:
            break
        time.sleep(_LOOK_SECONDS)
    undo()
    _heal(scene)
    return Seen(stall, red, page, frozenset(pages), sentence)


def _heal(scene: Scene) -> None:
    """Wait until all is well, for long enough to tell the next trouble from this one."""
    deadline = time.monotonic() + _HEAL_SECONDS
    while time.monotonic() < deadline:
        if scene.judge().level is not Level.BAD and not scene.alarms.pages():
            return
        time.sleep(_LOOK_SECONDS)
