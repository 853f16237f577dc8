"""Normal traffic: mails each second, floods, bounces, spam, a complaint. No alert may fire.

`python -m tests.chaos --normal` runs it for an hour, with real processes and a real Prometheus.
"""

import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from random import Random

from relay.operations.judgement.causes import Level
from tests.chaos.acts import Act
from tests.chaos.alarms import find_prometheus
from tests.chaos.players import Players
from tests.chaos.scene import Scene
from tests.chaos.world import MASK_MAILS_PER_DAY
from tests.lab.lab import MASKS
from tests.waiting import wait_until

_LOOK_SECONDS = 5.0
_ACT_EVERY_SECONDS = 45.0
_FLOOD_EVERY_SECONDS = 300.0
_FLOOD = 300
_SETTLE_SECONDS = 180.0
_UNANSWERED_SECONDS = 60.0

_ACTS = (
    *(Act.MAILBOX_FULL, Act.FLOOD, Act.SPAM, Act.RELEASE, Act.VACATION, Act.OVER_LIMIT, Act.SPAM),
    *(Act.MAILBOX_LATER, Act.COMPLAINT, Act.DISCARD, Act.VIRUS, Act.SPAM, Act.EXPIRE, Act.REFUSED),
    *(Act.FLOOD, Act.MAILBOX_GONE),
)
_ONCE = frozenset({Act.COMPLAINT, Act.OVER_LIMIT})
"""A day passes once; and of three thousand mails, no more than two may be complained of."""

_OUTCOMES = """
SELECT trim(outcome || ' ' || reason), count(*) FROM emails_delivery GROUP BY 1 ORDER BY 2 DESC
"""


@dataclass
class Watched:
    """What was seen: for how many seconds alerts were pending, and the installation judged so."""

    pending: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    fired: set[str] = field(default_factory=set)
    judged: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    was_bad: bool = False
    unanswered_seconds: float = 0
    """For how long Prometheus said nothing."""

    def look(self, scene: Scene, seconds: float) -> None:
        """Note what holds now, and did for so many seconds."""
        alerts = scene.alarms.active()
        if alerts is None:
            self.unanswered_seconds += seconds
        for alert in alerts or ():
            if alert.is_firing:
                self.fired.add(alert.name)
            else:
                self.pending[alert.name] += seconds
        verdict = scene.judge()
        self.was_bad |= verdict.level is Level.BAD
        for found in verdict.causes:
            self.judged[found.cause] += seconds

    @property
    def is_good(self) -> bool:
        """Whether no alert fired, as far as Prometheus told, and nothing was bad."""
        return not (self.fired or self.was_bad) and self.unanswered_seconds < _UNANSWERED_SECONDS

    @property
    def rows(self) -> list[str]:
        """Format it."""
        fired = [f"fired: {name}" for name in sorted(self.fired)] or ["fired: none"]
        pending = [f"pending for {s:.0f} s: {name}" for name, s in sorted(self.pending.items())]
        judged = [f"judged for {s:.0f} s: {name}" for name, s in sorted(self.judged.items())]
        unanswered = f"Prometheus did not answer for {self.unanswered_seconds:.0f} s"
        return [
            unanswered,
            *fired,
            *(pending or ["pending: none"]),
            *(judged or ["judged: all is well"]),
        ]


def run_normal(minutes: float, seed: int, log: Callable[[str], object]) -> bool:
    """Run it, and log what was seen; returns whether no alert fired, and nothing was bad."""
    program = find_prometheus()
    if program is None:
        log("normal: NOT RUN, there is no prometheus: apt-get install prometheus")
        return True
    folder = Path(tempfile.mkdtemp(prefix="relay-normal-"))
    folder.chmod(0o755)
    log(f"seed {seed}; the logs are in {folder}")
    scene = Scene(folder, program, MASK_MAILS_PER_DAY=str(MASK_MAILS_PER_DAY))
    players = Players(scene.world.lab, scene.world.stack, seed, runs_jobs=False)
    try:
        played, watched = _play(scene, players, minutes * 60, seed, log)
        players.end_bounces()
        scene.mode = "none"
        wait_until("an empty queue", lambda: not scene.world.lab.left(), seconds=_SETTLE_SECONDS)
        outcomes = scene.world.lab.execute(_OUTCOMES)
    finally:
        players.stop()
        scene.stop()
    log(f"{scene.world.lab.delivered} mails in {minutes:.0f} minutes")
    for line in (
        *(f"{number:6}  {act}" for act, number in sorted(played.items())),
        *(f"{number:6}  {outcome or 'unsettled'}" for outcome, number in outcomes),
        *watched.rows,
    ):
        log(line)
    return watched.is_good


def _play(
    scene: Scene, players: Players, seconds: float, seed: int, log: Callable[[str], object]
) -> tuple[Counter[str], Watched]:
    watched, played = Watched(), Counter[str]()
    acts = cycle(Random(seed).sample(_ACTS, len(_ACTS)))
    # Until Prometheus has scraped and the processes beat, there is nothing to judge.
    wait_until("all is well", lambda: _is_well(scene), seconds=_SETTLE_SECONDS)
    started = looked = time.monotonic()
    next_act, next_flood = started + _ACT_EVERY_SECONDS / 2, started + _ACT_EVERY_SECONDS
    while (now := time.monotonic()) < started + seconds:
        if now >= next_act:
            next_act += _ACT_EVERY_SECONDS
            act = next(acts)
            if not (act in _ONCE and played[act]):
                players.play(act)
                played[act] += 1
                log(f"{now - started:6.0f} s  {act}")
        if now >= next_flood:
            next_flood += _FLOOD_EVERY_SECONDS
            scene.world.lab.deliver(_FLOOD, MASKS[:1])
            played[f"a flood of {_FLOOD} to one mask"] += 1
            log(f"{now - started:6.0f} s  a flood")
        watched.look(scene, now - looked)
        looked = now
        time.sleep(_LOOK_SECONDS)
    return played, watched


def _is_well(scene: Scene) -> bool:
    with suppress(OSError):
        return scene.judge().level is Level.GOOD and scene.alarms.active() == set()
    return False
