"""The main table, and the factors in it, come from the numbers that were measured."""

from typing import Any

import pytest

from bench.table import markdown, ratios

PROCESSES = ("workers", "bridge-0", "redis", "postgres", "aws")


def number(
    median: float, least: float | None = None, most: float | None = None
) -> dict[str, float]:
    return {"median": median, "least": least or median, "most": most or median}


def baseline(rate: float, cpu_ms: float) -> dict[str, Any]:
    return {"messages_per_s": number(rate), "cpu_ms": number(cpu_ms)}


def relay(rate: float, relay_cpu_ms: float) -> dict[str, Any]:
    return {
        "messages_per_s": number(rate, rate - 10, rate + 10),
        "cpu_ms": {name: number(0.5) for name in PROCESSES},
        "relay_cpu_ms": number(relay_cpu_ms),
    }


RESULTS = {
    "baselines": {
        "predecessor": baseline(5, 130),
        "predecessor, with latency": baseline(2.5, 131),
        "floor": baseline(180, 4.5),
    },
    "relay": {"relay": relay(250, 5.4), "relay, with latency": relay(200, 6)},
}


@pytest.mark.parametrize(
    ("name", "factor"),
    [
        ("times the predecessor", 250 / 5),
        ("times the predecessor, with latency", 200 / 2.5),
        ("CPU of bridge and workers, ms a message", 5.4),
        ("CPU of bridge and workers, times the floor", 5.4 / 4.5),
    ],
)
def test_the_relay_is_compared_with_what_was_measured_beside_it(name: str, factor: float) -> None:
    assert ratios(RESULTS)[name] == pytest.approx(factor)


@pytest.mark.parametrize(
    "row",
    [
        "| the old way | 5.00 | 2.50 |",
        "| the floor | 180 | |",
        "| the relay | 250 (240 to 260) | 200 (190 to 210) |",
        "| **the relay, times the old way** | **50** | **80** |",
        "| the old way | 130 | 131 |",
        "| the floor | 4.50 | |",
        "| bridge-0 | 0.50 | 0.50 |",
        "| **bridge and workers** | 5.40 | 6.00 |",
    ],
)
def test_the_table_has_a_row_for_each_way_without_and_with_latency(row: str) -> None:
    assert row in markdown(RESULTS | {"ratios": ratios(RESULTS)}).splitlines()
