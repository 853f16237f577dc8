"""The main table: the old way, the floor and the relay, side by side, and how they compare."""

import statistics
from typing import Any

Numbers = dict[str, Any]


def merged(runs: list[Numbers]) -> Numbers:
    """Merge the runs' numbers into median, minimum and maximum. Time series are left out."""
    numbers: Numbers = {}
    for key, value in runs[0].items():
        if key == "memory":
            continue
        if isinstance(value, dict):
            numbers[key] = merged([run[key] for run in runs])
        else:
            values = [float(run[key]) for run in runs]
            numbers[key] = {
                "median": round(statistics.median(values), 2),
                "least": round(min(values), 2),
                "most": round(max(values), 2),
            }
    return numbers


def ratios(results: Numbers) -> Numbers:
    """Compare the relay with the old way and with the floor."""
    base, relay = results["baselines"], results["relay"]
    return {
        "times the predecessor": _ratio(relay["relay"], base["predecessor"], "messages_per_s"),
        "times the predecessor, with latency": _ratio(
            relay["relay, with latency"], base["predecessor, with latency"], "messages_per_s"
        ),
        "CPU of bridge and workers, ms a message": relay["relay"]["relay_cpu_ms"]["median"],
        "CPU of bridge and workers, times the floor": relay["relay"]["relay_cpu_ms"]["median"]
        / base["floor"]["cpu_ms"]["median"],
    }


def markdown(results: Numbers) -> str:
    """Write the results as the tables at the head of `docs/performance.md`."""
    base, relay, compared = results["baselines"], results["relay"], results["ratios"]
    times = (
        f"{compared['times the predecessor']:.0f}",
        f"{compared['times the predecessor, with latency']:.0f}",
    )
    rates = [
        ("the old way", _rate(base["predecessor"]), _rate(base["predecessor, with latency"])),
        ("the floor", _rate(base["floor"]), ""),
        ("the relay", _rate(relay["relay"]), _rate(relay["relay, with latency"])),
        ("**the relay, times the old way**", *(f"**{factor}**" for factor in times)),
    ]
    costs = [
        ("the old way", _cost(base["predecessor"]), _cost(base["predecessor, with latency"])),
        ("the floor", _cost(base["floor"]), ""),
        *_costs_by_process(relay),
        (
            "**bridge and workers**",
            _spread(relay["relay"]["relay_cpu_ms"]),
            _spread(relay["relay, with latency"]["relay_cpu_ms"]),
        ),
    ]
    return "\n".join(
        [
            *_rows(("", "messages a second", "with latency"), rates),
            "",
            *_rows(("ms of CPU a message", "without latency", "with latency"), costs),
        ]
    )


def _costs_by_process(relay: Numbers) -> list[tuple[str, ...]]:
    names = ("workers", "bridge-0", "redis", "postgres", "aws")
    both = [relay["relay"]["cpu_ms"], relay["relay, with latency"]["cpu_ms"]]
    return [(name, *(_spread(costs[name]) for costs in both)) for name in names]


def _rows(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    lines = [head, ("---",) * len(head), *rows]
    return [f"| {' | '.join(cells)} |".replace("|  |", "| |") for cells in lines]


def _rate(numbers: Numbers) -> str:
    return _spread(numbers["messages_per_s"])


def _cost(numbers: Numbers) -> str:
    return _spread(numbers["cpu_ms"])


def _spread(number: Numbers) -> str:
    """Write a median with minimum and maximum, with enough digits to tell them apart."""
    digits = 0 if number["median"] >= 100 else 1 if number["median"] >= 10 else 2
    median, least, most = (f"{number[name]:.{digits}f}" for name in ("median", "least", "most"))
    return median if least == most else f"{median} ({least} to {most})"


def _ratio(one: Numbers, other: Numbers, key: str) -> float:
    return float(one[key]["median"] / other[key]["median"])
