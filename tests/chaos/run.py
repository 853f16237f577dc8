"""One run: deliver mails while injecting faults, then judge every message."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.accounting import BAD, WITHOUT_EVENTS, Fate, Judged, count, judge, judge_flood
from tests.chaos.acts import Act, drawn_acts
from tests.chaos.canaries import CANARY, Canaries
from tests.chaos.players import Players
from tests.chaos.saboteur import Saboteur
from tests.chaos.schedule import Fault, Kind, Scale, drawn
from tests.chaos.stories import Stories, ask_for_stories, torn_traces
from tests.chaos.supervisor import BRIDGES, WORKERS, Supervisor
from tests.chaos.world import SETTINGS, World, everyday
from tests.collector import Collector
from tests.lab.accounts import Account, Books
from tests.lab.lab import failures_by_sqs_id
from tools.local.logs import lines

ROOT = Path(__file__).parents[2]

_NOTIFY_TWICE_EVERY = 50
_SETTLE_SECONDS = 480.0
"""A doubt takes long if Redis was wiped again and again: its retries are minutes apart by then."""
_LOOK_SECONDS = 0.5

Log = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Report:
    """The injected faults, the fates, what it cost, and how long it took."""

    seed: int
    seconds: float
    settling_seconds: float
    broken: Counter[Kind]
    played: Counter[Act]
    restarts: int
    judged: list[Judged]
    excess: list[str]
    """Limits that were not kept, mails whose story `manage.py trace` tells wrongly, no canary."""
    stories: Stories
    spans: int
    moves_cut: int
    """How often a bridge was killed between moving a message to the overflow and deleting it."""
    canaries: list[Account]
    """Those that SES took; they are judged as all mails are."""
    dropped: int
    """Dead letters that Redis dropped for newer ones."""
    books: Books
    resolved: int
    """Doubts and second mails that SES's events, or a note in Redis, spared."""
    has_events: bool
    requests: dict[str, dict[str, int]]

    @property
    def bad(self) -> list[Judged]:
        """The messages with a bad fate."""
        excused: frozenset[Fate] = frozenset() if self.has_events else WITHOUT_EVENTS
        return [one for one in self.judged if one.fate in BAD - excused]


def run(
    folder: Path, scale: Scale, seed: int, log: Log = str, *, has_events: bool = True
) -> Report:
    """Do one run, with SES's Send events or without; its logs stay in `folder`."""
    collector = Collector()
    settings = SETTINGS | {
        "CANARY_MASK": CANARY,
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
    }
    world = World(folder, everyday(seed), has_events=has_events, settings=settings)
    try:
        world.set_up()
        supervisor = Supervisor(world.stack, world.wiring, str(ROOT))
        saboteur = Saboteur(world, supervisor)
        players = Players(world.lab, world.stack, seed)
        canaries = Canaries(world)
        canaries.start()
        started = time.monotonic()
        try:
            broken, played = _deliver_and_break(world, saboteur, players, scale, seed, log)
            saboteur.wait_until_all_ended()
            players.end_bounces()
            no_canary = canaries.find_problem()
            canaries.stop()
            settling_seconds = _settle(world, supervisor, players, log)
        finally:
            seconds = time.monotonic() - started
            canaries.stop()
            players.stop()
            supervisor.stop()
        books = world.lab.books(supervisor.logs(BRIDGES))
        stories = ask_for_stories(world, books.accounts, seed)
        judged = [
            judge(
                account,
                killed_at=supervisor.killed_at,
                is_poison=account.name in saboteur.poison,
                is_refused=account.name in saboteur.refused,
            )
            for account in books.accounts
        ]
        return Report(
            seed=seed,
            seconds=seconds,
            settling_seconds=settling_seconds,
            broken=broken,
            played=played,
            restarts=supervisor.restarts,
            judged=judged,
            excess=[
                *saboteur.excess,
                *no_canary,
                *judge_flood(players.flood, judged),
                *torn_traces(collector.spans),
                *stories.wrong,
            ],
            stories=stories,
            spans=len(collector.spans),
            moves_cut=saboteur.amid_moves.moves_cut,
            canaries=[one for one in books.accounts if one.name in canaries.names],
            dropped=_count_logged(supervisor, "dead letter dropped"),
            books=books,
            resolved=_count_logged(supervisor, "sent before"),
            has_events=has_events,
            requests=world.aws.statistics()["requests"],
        )
    finally:
        world.stop()
        collector.close()


def _deliver_and_break(
    world: World, saboteur: Saboteur, players: Players, scale: Scale, seed: int, log: Log
) -> tuple[Counter[Kind], Counter[Act]]:
    faults, acts = drawn(scale, seed), drawn_acts(scale.acts, scale.seconds, seed)
    broken: Counter[Kind] = Counter()
    played: Counter[Act] = Counter()
    started = time.monotonic()
    delivered = 0
    while delivered < scale.messages or faults:
        now = time.monotonic() - started
        due = min(scale.messages, int(scale.messages * now / scale.seconds) + 1)
        if due > delivered:
            world.lab.deliver(due - delivered, twice_every=_NOTIFY_TWICE_EVERY)
            delivered = due
        while faults and faults[0].at <= now:
            fault = faults.pop(0)
            if saboteur.inject(fault):
                broken[fault.kind] += 1
                log(f"{now:6.1f} s  {delivered:5} delivered  {fault.kind}")
            else:
                # The victim is down already: try again when it is up.
                later = Fault(now + 1, fault.kind, fault.victim)
                faults = sorted([*faults, later], key=lambda fault: fault.at)
        while acts and acts[0].at <= now:
            act = acts.pop(0).act
            players.play(act)
            played[act] += 1
            log(f"{now:6.1f} s  {delivered:5} delivered  {act}")
        time.sleep(_LOOK_SECONDS / 5)
    return broken, played


def _settle(world: World, supervisor: Supervisor, players: Players, log: Log) -> float:
    """Wait until SQS has only mails with a dead letter; returns how long it took."""
    started = time.monotonic()
    while (seconds := time.monotonic() - started) < _SETTLE_SECONDS:
        waiting = unsettled(world, supervisor) | players.unsettled()
        waiting = waiting or _bounced_unheard(world)
        if not waiting:
            log(f"all settled after {seconds:.0f} s")
            return seconds
        time.sleep(_LOOK_SECONDS)
    log(f"not settled after {_SETTLE_SECONDS:.0f} s: {sorted(waiting)[:20]}")
    return seconds


def unsettled(world: World, supervisor: Supervisor) -> set[str]:
    """Return the mails that are neither recorded and deleted nor dead-lettered."""
    lab = world.lab
    queued = lab.queued()
    states, failed = lab.deliveries(), failures_by_sqs_id(supervisor.logs(BRIDGES))
    return {
        mail
        for mail, ids in lab.ids().items()
        if failed.keys().isdisjoint(ids)
        if states.get(mail) != "finished" or not queued.isdisjoint(ids)
    }


def _bounced_unheard(world: World) -> set[str]:
    """Return the released mails whose bounce is still on its way."""
    sent, held = world.lab.sent(), world.lab.held()
    return {
        mail
        for mail, keeping in held.items()
        if keeping.outcome.startswith("forwarded")
        if sent[mail] and max(sent[mail], key=lambda one: one.at).met_a_bad_mailbox
    }


def _count_logged(supervisor: Supervisor, message: str) -> int:
    """Count the workers' log lines with this message."""
    logs = [lines(process.log) for process in supervisor.logs(WORKERS)]
    return sum(line["message"] == message for log in logs for line in log)


def summary(report: Report) -> str:
    """Format the report as text: faults, restarts, fates, and what it cost."""
    rows = [f"seed {report.seed}, {len(report.judged)} messages, {report.seconds:.0f} s", ""]
    rows += [f"{number:6}  {kind}" for kind, number in sorted(report.broken.items())]
    rows += [f"{report.restarts:6}  process restarts", ""]
    rows += [f"{number:6}  {act}" for act, number in sorted(report.played.items())] + [""]
    rows += [f"{number:6}  {fate}" for fate, number in count(report.judged).most_common()]
    rows += ["", *(f"{number:6}  {what}" for what, number in sorted(report.books.cost.items()))]
    rows += [f"{report.resolved:6}  sends proved by an event or a note, and not repeated"]
    back = sum(bool(one.sendings) for one in report.canaries)
    rows += [f"{len(report.canaries):6}  canaries taken, {back} forwarded"]
    rows += [f"{report.moves_cut:6}  bridges killed amid a move to the overflow"]
    rows += [f"{number:6}  stories by {kind}" for kind, number in report.stories.asked.items()]
    rows += [f"{report.spans:6}  spans"]
    rows += [f"{report.dropped:6}  dead letters dropped for newer ones"]
    rows += [f"{report.books.most_receives:6}  receives of one message, at most"]
    rows += [f"{report.settling_seconds:6.0f}  seconds to settle after the last fault"]
    rows += ["", *report.excess] if report.excess else []
    explained = [one for one in report.judged if one.detail]
    rows += ["", *(f"{one.message}: {one.fate}: {one.detail}" for one in explained[:40])]
    return "\n".join(rows)
