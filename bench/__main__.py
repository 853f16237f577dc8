"""`make bench`: measures the relay, the old way and the floor in one run, and draws the results.

Writes `bench/results.json` and draws charts into `docs/img/`. Only the given parts are measured;
the other results stay. Each number is a median of several runs, with minimum and maximum; memory
over many messages is one run. `measured` says when and where each section was measured.

`python -m bench quick` measures only the main table, in about four minutes, and prints it.
`--rough` makes one short run of each part, prints the numbers and writes no file.
"""

import argparse
import itertools
import json
import os
import platform
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from bench import measure, plots
from bench.site import Site
from bench.table import Numbers, markdown, ratios

HERE = Path(__file__).parent
IMAGES = HERE.parent / "docs" / "img"


@dataclass(frozen=True, slots=True)
class Plan:
    """How many runs, and how many messages in each."""

    runs: int
    messages: int
    alone: int
    predecessor: int
    idle: int
    steady: int
    long: int


FULL = Plan(runs=3, messages=1500, alone=500, predecessor=60, idle=40, steady=2000, long=20_000)
ROUGH = Plan(runs=1, messages=800, alone=200, predecessor=20, idle=30, steady=500, long=2_000)

STEADY_PER_SECOND = 100
WORKERS = (1, 2, 3, 4)
THREADS = (1, 2, 4, 8, 16, 32)
SIZES = {2_000: 1.0, 15_000: 1.0, 1_000_000: 0.1, 20_000_000: 0.01}
"""A mail's size in bytes, and the share of the usual number of messages to send in it."""


def main() -> None:
    """Measure the given parts; by default all."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rough", action="store_true")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    given = parser.parse_args()
    if unknown := set(given.parts) - set(PARTS):
        parser.error(f"{', '.join(sorted(unknown))}: there is only {', '.join(PARTS)}")
    plan = ROUGH if given.rough else FULL
    machine = _machine()
    measured: Numbers = {}
    with tempfile.TemporaryDirectory(prefix="relay-bench-") as folder:
        Path(folder).chmod(0o755)
        with closing(Site(Path(folder))) as site:
            for part in given.parts or PARTS:
                measured |= PARTS[part](site, plan)
    if given.rough:
        print(json.dumps(measured, indent=1))
        return
    kept = HERE / "results.json"
    before: Numbers = json.loads(kept.read_text()) if kept.exists() else {}
    results = before | measured
    results["measured"] = before.get("measured", {}) | dict.fromkeys(measured, machine)
    if {"baselines", "relay"} <= results.keys():
        results["ratios"] = ratios(results)
        print(markdown(results))
    kept.write_text(json.dumps(results, indent=1) + "\n")
    plots.draw(results, IMAGES)


def _quick(site: Site, plan: Plan) -> Numbers:
    """Measure the main table: the old way, the floor and the relay.

    They take turns, so that a slow minute of the machine slows each of them.
    """

    def relay(threads: int, late: bool) -> Numbers:
        return measure.throughput(site, messages=plan.messages, threads=threads, has_latency=late)

    def predecessor(late: bool) -> Numbers:
        return measure.predecessor(site, messages=plan.predecessor, has_latency=late)

    sections: dict[str, dict[str, Callable[[], Numbers]]] = {
        "baselines": {
            "predecessor": partial(predecessor, False),
            "predecessor, with latency": partial(predecessor, True),
            "floor": lambda: measure.floor(site, messages=plan.alone),
        },
        "relay": {
            "relay": partial(relay, 4, False),
            "relay, with latency": partial(relay, 16, True),
        },
    }
    runs = defaultdict[str, list[Numbers]](list)
    for _ in range(plan.runs):
        for name, run in itertools.chain(*(measured.items() for measured in sections.values())):
            _tell(name)
            runs[name].append(run())
    return {
        section: {name: _merged(runs[name]) for name in measured}
        for section, measured in sections.items()
    }


def _idle(site: Site, plan: Plan) -> Numbers:
    return _both(
        plan,
        "idle",
        lambda late: measure.idle_latency(site, messages=plan.idle, has_latency=late),
    )


def _steady(site: Site, plan: Plan) -> Numbers:
    return _both(
        plan,
        f"{STEADY_PER_SECOND} a second",
        lambda late: measure.steady_latency(
            site,
            per_second=STEADY_PER_SECOND,
            messages=plan.steady,
            threads=16 if late else 4,
            has_latency=late,
        ),
    )


def _both(plan: Plan, name: str, run: Callable[[bool], Numbers]) -> Numbers:
    """Measure without AWS's latency, and with it."""
    late = f"{name}, with latency"
    return {
        name: _median(plan, name, lambda: run(False)),
        late: _median(plan, late, lambda: run(True)),
    }


def _in_turn(
    plan: Plan, values: Iterable[int], name: str, run: Callable[[int, bool], Numbers]
) -> Numbers:
    """Measure for each value, without and with latency; `name` is a format for the value."""
    both = {str(value): _both(plan, name.format(value), partial(run, value)) for value in values}
    return {
        late: {value: list(pair.values())[number] for value, pair in both.items()}
        for number, late in enumerate(("without_latency", "with_latency"))
    }


def _workers(site: Site, plan: Plan) -> Numbers:
    def run(workers: int, late: bool) -> Numbers:
        return measure.throughput(
            site, messages=plan.messages // 2, workers=workers, has_latency=late
        )

    return _in_turn(plan, WORKERS, "{} worker processes", run)


def _threads(site: Site, plan: Plan) -> Numbers:
    """Measure with latency only: without it, threads have nothing to wait for."""

    def run(threads: int) -> Numbers:
        messages = min(plan.messages // 2, 100 * threads)
        return measure.throughput(site, messages=messages, threads=threads, has_latency=True)

    return {
        str(threads): _median(plan, f"{threads} threads, with latency", partial(run, threads))
        for threads in THREADS
    }


def _sizes(site: Site, plan: Plan) -> Numbers:
    def run(size: int, late: bool) -> Numbers:
        return measure.throughput(
            site,
            messages=max(20, int(plan.messages / 2 * SIZES[size])),
            size=size,
            threads=8 if size < 10_000_000 else 1,
            has_latency=late,
        )

    return _in_turn(plan, SIZES, "mails of {:,} bytes", run)


def _events(site: Site, plan: Plan) -> Numbers:
    """Measure with SES's Send events and without, in turns: the difference is what they cost."""
    runs = defaultdict[str, list[Numbers]](list)
    for _ in range(plan.runs):
        for name, has_events in (("without", False), ("with", True)):
            _tell(f"{name} Send events")
            runs[name].append(
                measure.throughput(site, messages=plan.messages, threads=4, has_events=has_events)
            )
    return {name: _merged(measured) for name, measured in runs.items()}


def _memory(site: Site, plan: Plan) -> Numbers:
    _tell(f"{plan.long:,} messages on end")
    return measure.throughput(site, messages=plan.long)


def _section(name: str, measured: Callable[[Site, Plan], Numbers]) -> Callable[..., Numbers]:
    """Put a part's results into the section of its name."""
    return lambda site, plan: {name: measured(site, plan)}


PARTS: dict[str, Callable[[Site, Plan], Numbers]] = {
    "quick": _quick,
    "idle": _section("idle", _idle),
    "steady": _section("steady", _steady),
    "workers": _section("workers", _workers),
    "threads": _section("threads", _threads),
    "sizes": _section("sizes", _sizes),
    "events": _section("events", _events),
    "memory": _section("memory", _memory),
}
"""Each part returns the sections of the results that it measures."""


def _median(plan: Plan, name: str, run: Callable[[], Numbers]) -> Numbers:
    _tell(name)
    return _merged([run() for _ in range(plan.runs)])


def _merged(runs: list[Numbers]) -> Numbers:
    """Merge the runs' numbers into median, minimum and maximum. Time series are left out."""
    merged: Numbers = {}
    for key, value in runs[0].items():
        if key == "memory":
            continue
        if isinstance(value, dict):
            merged[key] = _merged([run[key] for run in runs])
        else:
            values = [float(run[key]) for run in runs]
            merged[key] = {
                "median": round(statistics.median(values), 2),
                "least": round(min(values), 2),
                "most": round(max(values), 2),
            }
    return merged


def _machine() -> Numbers:
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpus": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
    }


def _tell(text: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S}  {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
