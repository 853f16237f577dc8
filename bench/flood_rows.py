"""Fair lanes in numbers, row by row: `python -m bench.flood_rows [ROW …]`; none: lists the rows.

Each row prints its numbers, and whether they are what lanes are meant to reach. AWS has its typical
latency; two worker processes of eight threads, one bridge. The quiet time that a row is compared
with is measured once for each limit, right before the first row that needs it.
"""

import argparse
import tempfile
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from bench import lane_cost
from bench.floods import (
    FLOODS,
    ONE_MASK,
    Flood,
    alone,
    others_during,
    prepare,
)
from bench.plans import AT_SES_LIMIT
from bench.site import Site

_MOST_SLOWER = 2.0
_MOST_BOUNCE_MS = 2_000
_LEAST_RATE = 0.95
_MOST_COST_MS = 0.1


@dataclass(frozen=True, slots=True)
class Numbers:
    """The options: for how long innocent mails come, and how often `alone` and `cost` measure."""

    seconds: float
    runs: int


class Rows:
    """Measures rows at one site."""

    def __init__(self, site: Site, numbers: Numbers) -> None:
        self._site = site
        self._numbers = numbers
        self._quiet: dict[int | None, dict[str, Any]] = {}

    def flood(self, flood: Flood, per_second: int | None, seconds: float | None = None) -> None:
        """Measure others' mail in quiet times and during a flood."""
        if per_second not in self._quiet:
            self._quiet[per_second] = self._others("no flood", Flood(), per_second)
        during = self._others("flood", flood, per_second, seconds)
        quiet_ms, flood_ms = (
            one["innocent_ms"]["p99"] for one in (self._quiet[per_second], during)
        )
        slower = flood_ms / quiet_ms
        _judge(f"p99 is {slower:.2f} of that without the flood", slower <= _MOST_SLOWER)

    def bounces(self, *, has_overflow: bool = True) -> None:
        """Measure bounces behind 500 mails that are there at once, at SES's limit."""
        flood = Flood(
            *(ONE_MASK, 500),
            per_second=None,
            bounce_every_seconds=0.25,
            has_overflow=has_overflow,
        )
        during = self._others("500 at once", flood, AT_SES_LIMIT, 30)
        settled_ms = during["bounce_ms"]["p99"]
        _judge(f"p99 of bounces is {settled_ms:.0f} ms", settled_ms <= _MOST_BOUNCE_MS)

    def alone(self) -> None:
        """Measure a flood alone, by lane and without lanes, in turns."""
        rates: dict[bool, list[float]] = {True: [], False: []}
        for _ in range(self._numbers.runs):
            for by_lane, measured in rates.items():
                found = alone(self._site, messages=1_500, by_lane=by_lane)
                _tell("with lanes" if by_lane else "without lanes", found)
                measured.append(found["messages_per_s"])
        ratio = median(rates[True]) / median(rates[False])
        _judge(f"rate with lanes is {ratio:.3f} of that without", ratio >= _LEAST_RATE)

    def cost(self) -> None:
        """Measure the CPU time that lanes cost the bridge and Redis."""
        found = lane_cost.measure(self._site.redis, runs=self._numbers.runs)
        _tell("cost", found)
        _judge(f"lanes cost {found['lanes_ms']:.3f} ms a mail", found["lanes_ms"] <= _MOST_COST_MS)

    def _others(
        self, name: str, flood: Flood, per_second: int | None, seconds: float | None = None
    ) -> dict[str, Any]:
        seconds = seconds or self._numbers.seconds
        found = others_during(self._site, flood, seconds=seconds, per_second=per_second)
        _tell(f"{name}, {per_second or 'no'} limit", found)
        return found


ROWS: Mapping[str, Callable[[Rows], None]] = {
    **{
        f"{name}{suffix}": partial(Rows.flood, flood=flood, per_second=limit)
        for name, flood in FLOODS.items()
        for suffix, limit in (("", AT_SES_LIMIT), ("-no-limit", None))
    },
    "one-mask-at-once": partial(
        Rows.flood, flood=replace(FLOODS["one-mask"], per_second=None), per_second=AT_SES_LIMIT
    ),
    "bounces": Rows.bounces,
    "bounces-without-overflow": partial(Rows.bounces, has_overflow=False),
    "alone": Rows.alone,
    "cost": Rows.cost,
}


def main() -> None:
    """Measure the given rows."""
    parser = argparse.ArgumentParser(prog="python -m bench.flood_rows", description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("rows", nargs="*", metavar="ROW", choices=[[], *ROWS])
    given = parser.parse_args()
    if not given.rows:
        print("\n".join(ROWS))
        return
    with tempfile.TemporaryDirectory(prefix="relay-floods-") as folder:
        Path(folder).chmod(0o755)
        with closing(Site(Path(folder))) as site:
            prepare(site)
            rows = Rows(site, Numbers(given.seconds, given.runs))
            for name in given.rows:
                print(name, flush=True)
                ROWS[name](rows)


def _tell(name: str, found: Mapping[str, Any]) -> None:
    flat = {
        f"{key} {inner}".strip(): number
        for key, value in found.items()
        for inner, number in (value.items() if isinstance(value, dict) else [("", value)])
    }
    said = ", ".join(f"{key} {number:.4g}" for key, number in flat.items())
    print(f"  {name}: {said}", flush=True)


def _judge(said: str, is_met: bool) -> None:
    print(f"  {'met' if is_met else 'NOT MET'}: {said}", flush=True)


if __name__ == "__main__":
    main()
