"""The last day, or week, as charts: samples and counts per minute → columns. Pure.

All charts share a column of times; each line has a column of values. A minute without a sample is a
gap, not a zero.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bridge.ledger.heartbeats import Role
from emails.values.outcomes import NAMES as OUTCOMES
from relay.operations import week
from relay.operations.dashboard.counted import words_for
from relay.operations.gauges import REDIS_QUEUES
from relay.operations.history import Sample


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its name, and the gauges' labels or the counts' names that it adds up."""

    name: str
    adds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """One chart; with `is_tally` its lines are counts, which are zero in a minute without any."""

    title: str
    lines: tuple[Line, ...]
    is_tally: bool = False


def charts_of(queue: str, dead_letter_queue: str) -> tuple[Chart, ...]:
    """Return the charts, for SQS queues of these names."""
    return (
        Chart(
            "Outcomes per minute",
            tuple(Line(words_for(name), (name,)) for name in OUTCOMES),
            is_tally=True,
        ),
        Chart(
            "Failures per minute",
            tuple(
                Line(words_for(name), (name,))
                for name in ("not_settled", "failed", "rejected", "postponed")
            ),
            is_tally=True,
        ),
        Chart(
            "SQS: messages",
            (
                Line("waiting", (f"email_queue_count:{queue}",)),
                Line("hidden", (f"email_queue_count_not_visible:{queue}",)),
                Line("dead letters", (f"email_queue_count:{dead_letter_queue}",)),
            ),
        ),
        Chart(
            "Redis: messages",
            (
                Line("in flight", ("in_flight",)),
                *(Line(f"queue {name}", (f"redis_queue_count:{name}",)) for name in REDIS_QUEUES),
                Line("to be retried", _all("redis_queue_delayed")),
                Line("dead letters", _all("redis_queue_dead_letters")),
            ),
        ),
        Chart(
            "Oldest, in seconds",
            (
                Line("in flight", ("in_flight_oldest_s",)),
                *(
                    Line(f"queue {name}", (f"redis_queue_oldest_s:{name}",))
                    for name in REDIS_QUEUES
                ),
            ),
        ),
        Chart(
            "Processes alive",
            tuple(Line(f"{role}s", (f"processes_alive:{role}",)) for role in Role),
        ),
    )


def _all(gauge: str) -> tuple[str, ...]:
    return tuple(f"{gauge}:{queue}" for queue in REDIS_QUEUES)


def columns(
    charts: Sequence[Chart],
    minutes: Sequence[int],
    samples: Sequence[Sample],
    counts: Sequence[Mapping[str, int]],
) -> dict[str, object]:
    """Return the times, in seconds since 1970, and each chart's lines.

    `counts` has an item for each of `minutes`; `samples` may lack some of them.
    """
    return _columns(charts, minutes, {one.minute: one.values for one in samples}, counts, 1)


def columns_of_week(
    charts: Sequence[Chart], minutes: Sequence[int], samples: Sequence[week.Sample]
) -> dict[str, object]:
    """Return the same of a week's samples: the most of each gauge, counts as a minute's average."""
    by_minute = {one.minute: one for one in samples}
    counts = [by_minute[one].counts if one in by_minute else None for one in minutes]
    gauges = {one.minute: one.gauges for one in samples}
    return _columns(charts, minutes, gauges, counts, week.STEP)


def _columns(
    charts: Sequence[Chart],
    minutes: Sequence[int],
    sampled: Mapping[int, Mapping[str, float]],
    counts: Sequence[Mapping[str, int] | None],
    per_sample: int,
) -> dict[str, object]:
    by_minute = [sampled.get(minute, {}) for minute in minutes]
    return {
        "times": [minute * 60 for minute in minutes],
        "charts": [
            {
                "title": chart.title,
                "lines": [
                    {
                        "name": line.name,
                        "values": (
                            [_counted(one, line.adds, per_sample) for one in counts]
                            if chart.is_tally
                            else [_added(values, line.adds) for values in by_minute]
                        ),
                    }
                    for line in chart.lines
                ],
            }
            for chart in charts
        ],
    }


def _counted(
    counts: Mapping[str, int] | None, names: tuple[str, ...], minutes: int
) -> float | None:
    if counts is None:
        return None
    total = sum(counts.get(name, 0) for name in names)
    return total if minutes == 1 else round(total / minutes, 1)


def _added(values: Mapping[str, float], labels: tuple[str, ...]) -> float | None:
    found = [values[label] for label in labels if label in values]
    return round(sum(found), 1) if found else None
