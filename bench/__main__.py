"""`make bench`: measures the relay, the old way and the floor in one run, and draws the results.

Writes `bench/results.json` and draws charts into `docs/img/`. Only the given parts are measured;
the other results stay. What is compared is a median of three runs, with minimum and maximum; what
is drawn is one run. `measured` says when and where each section was measured.

`python -m bench quick` makes one short run of the main table, of idle latency and of Send events,
and prints the numbers. `--rough` does so for each part. Neither writes a file. `--long` takes the
time that published numbers of floods and of memory need.
"""

import argparse
import itertools
import json
import os
import platform
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from bench import floods, growth, measure, plots, tracing, waiting
from bench.plans import FULL, LONG, ROUGH, Plan
from bench.site import Site
from bench.table import Numbers, markdown, merged, ratios

HERE = Path(__file__).parent
IMAGES = HERE.parent / "docs" / "img"


STEADY_PER_SECOND = 100
WORKERS = (1, 2, 3, 4)
THREADS = (1, 2, 4, 8, 16, 32)
SIZES = {2_000: 1.0, 15_000: 1.0, 1_000_000: 0.1, 20_000_000: 0.01}
"""A mail's size in bytes, and the share of the usual number of messages to send in it."""


def main() -> None:
    """Measure the given parts; by default all."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rough", action="store_true")
    parser.add_argument("--long", action="store_true")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    given = parser.parse_args()
    if unknown := set(given.parts) - {*PARTS, "quick"}:
        parser.error(f"{', '.join(sorted(unknown))}: there is only {', '.join(PARTS)}, quick")
    is_quick = given.parts == ["quick"]
    is_rough = given.rough or is_quick
    plan = ROUGH if is_rough else LONG if given.long else FULL
    parts = QUICK if is_quick else given.parts or PARTS
    machine = _machine()
    measured: Numbers = {}
    with tempfile.TemporaryDirectory(prefix="relay-bench-") as folder:
        Path(folder).chmod(0o755)
        with closing(Site(Path(folder))) as site:
            for part in parts:
                measured |= PARTS[part](site, plan)
    if is_rough:
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


def _main_table(site: Site, plan: Plan) -> Numbers:
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
        section: {name: merged(runs[name]) for name in measured}
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
    return {name: merged(measured) for name, measured in runs.items()}


def _tracing(site: Site, plan: Plan) -> Numbers:
    """Measure with OpenTelemetry's spans and without, at the same time; and their calls alone."""
    runs = []
    for is_swapped in (False, True) * plan.curve_runs:
        _tell("with spans, and beside it without")
        runs.append(tracing.beside(site, messages=plan.messages, is_swapped=is_swapped))
    _tell("the calls of ids, ages and spans")
    return {"beside": merged(runs), "calls": tracing.calls(site)}


def _floods(site: Site, plan: Plan) -> Numbers:
    """Measure others' mail during each flood, and the floods alone."""
    floods.prepare(site)
    measured: Numbers = {}
    for (name, flood), limit in itertools.product(
        {"none": floods.Flood(), **floods.FLOODS}.items(), plan.flood_limits
    ):
        _tell(f"flood: {name}, {limit or 'no'} limit")
        measured[f"{name}, {'no limit' if limit is None else f'{limit} a second'}"] = (
            floods.others_during(
                site,
                replace(flood, messages=min(flood.messages, plan.flood)),
                seconds=plan.flood_seconds,
                per_second=limit,
            )
        )
    for name, by_lane in (("alone", True), ("alone, without lanes", False)):
        _tell(f"flood {name}")
        measured[name] = floods.alone(site, messages=plan.messages, by_lane=by_lane)
    return measured


def _waiting(site: Site, plan: Plan) -> Numbers:
    """Measure holding mail, and what an open circuit breaker takes, in turns."""
    runs = defaultdict[str, list[Numbers]](list)
    messages = plan.messages // 3
    for _ in range(plan.curve_runs):
        _tell("mail is held")
        runs["held"].append(waiting.held(site, messages=messages))
        _tell("SES fails for a while")
        runs["open breaker"].append(waiting.open_breaker(site, messages=messages, seconds=5))
    return {name: merged(measured) for name, measured in runs.items()}


def _memory(site: Site, plan: Plan) -> Numbers:
    _tell(f"{plan.long:,} messages on end")
    return measure.throughput(site, messages=plan.long)


def _growth(site: Site, plan: Plan) -> Numbers:
    _tell(f"a database of {plan.rows:,} deliveries beside an empty one")
    runs = growth.compare(site, rows=plan.rows, runs=plan.curve_runs, messages=plan.messages)
    return {name: merged(measured) for name, measured in runs.items()}


def _section(name: str, measured: Callable[[Site, Plan], Numbers]) -> Callable[..., Numbers]:
    """Put a part's results into the section of its name."""
    return lambda site, plan: {name: measured(site, plan)}


PARTS: dict[str, Callable[[Site, Plan], Numbers]] = {
    "main": _main_table,
    "idle": _section("idle", _idle),
    "steady": _section("steady", _steady),
    "workers": _section("workers", _workers),
    "threads": _section("threads", _threads),
    "sizes": _section("sizes", _sizes),
    "events": _section("events", _events),
    "tracing": _section("tracing", _tracing),
    "waiting": _section("waiting", _waiting),
    "memory": _section("memory", _memory),
    "floods": _section("floods", _floods),
    "growth": _section("growth", _growth),
}
"""Each part returns the sections of the results that it measures."""

QUICK = ("main", "idle", "events")


def _median(plan: Plan, name: str, run: Callable[[], Numbers]) -> Numbers:
    _tell(name)
    return merged([run() for _ in range(plan.curve_runs)])


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
