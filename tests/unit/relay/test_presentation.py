"""What the dashboard says of a snapshot: in words and signs, and of all that could not be read."""

from dataclasses import replace
from typing import Any

import pytest

from bridge.ledger.heartbeats import Heartbeat, Process, Role
from bridge.ports import QueueCounts
from relay.operations.dashboard.charts import Chart, Line, charts_of, columns
from relay.operations.dashboard.presentation import duration, shown
from relay.operations.dashboard.snapshot import FromRedis, FromSqs, Snapshot
from relay.operations.gauges import REDIS_QUEUES, Gauge, process_gauges
from relay.operations.history import Sample
from runtime.breakers import OpenBreaker
from runtime.dependencies import Dependency

MINUTE = 29_000_000
NOW = MINUTE * 60 + 30.0


def a_heartbeat(role: Role, age: float = 1, **totals: int) -> Heartbeat:
    return Heartbeat(Process(role, 20, host="h", pid=7, started=NOW - 3 * 3600), age, totals)


ALIVE = [a_heartbeat(role) for role in Role]


def from_redis(
    heartbeats: list[Heartbeat] = ALIVE, dead_letters: int = 0, **counts: int
) -> FromRedis:
    names = ("redis_queue_count", "redis_queue_delayed", "redis_queue_oldest_s")
    gauges = [Gauge(name, 0, ("queue", queue)) for queue in REDIS_QUEUES for name in names]
    gauges += [Gauge("redis_queue_dead_letters", dead_letters, ("queue", q)) for q in REDIS_QUEUES]
    gauges += [Gauge("in_flight", 3), Gauge("in_flight_oldest_s", 2)]
    gauges += [Gauge("held_mails", n, ("reason", f"r{n}")) for n in (2, 5)]
    gauges += [Gauge("held_mails_release_s", 5), Gauge("mailbox_breakers_open", 3)]
    return FromRedis([], gauges, heartbeats, MINUTE - 9, [{}] * 9 + [counts], MINUTE)


SQS = FromSqs(QueueCounts(1, 2, 3), QueueCounts(0, 0, 0))


def told(snapshot: Snapshot) -> dict[str, Any]:
    return shown(snapshot, "/runbook/")


def tile(shown: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any]
    (found,) = [tile for tile in shown["tiles"] if tile["name"] == name]
    return found


def test_all_is_well_when_every_number_is_good() -> None:
    said = told(Snapshot(NOW, from_redis(), SQS))

    assert said["overall"] == {"level": "good", "sign": "✓", "text": "All is well."}
    assert {tile["level"] for tile in said["tiles"]} == {"good"}
    assert tile(said, "sqs_waiting")["value"] == "3"
    assert tile(said, "sqs_hidden")["value"] == "3"
    assert tile(said, "held")["value"] == "7"


def test_what_is_wanting_is_named_with_its_number_and_with_what_to_do() -> None:
    said = told(Snapshot(NOW, from_redis(heartbeats=ALIVE[1:], dead_letters=1), SQS))

    assert said["overall"]["text"] == "Bad: Bridges alive (0). Look at: Dead letters in Redis (3)."
    bridges = tile(said, "bridges")
    assert (bridges["level"], bridges["sign"], bridges["value"]) == ("bad", "✖", "0")
    assert bridges["advice"]
    assert bridges["runbook"] == "/runbook/#no-bridge-is-alive"


def test_an_open_breaker_comes_first_and_says_since_when_and_why() -> None:
    since_ms = int(NOW * 1000) - 90_000
    redis = from_redis()
    redis.breakers.append(OpenBreaker(Dependency.SES, "AccessDeniedException", since_ms))

    said = told(Snapshot(NOW, redis, SQS))

    assert said["overall"]["level"] == "bad"
    assert said["overall"]["text"] == (
        "SES has failed for 90 s (AccessDeniedException): no mails are taken. "
        "Bad: Open circuit breakers (1)."
    )
    assert tile(said, "breakers")["runbook"] == "/runbook/#a-circuit-breaker-is-open"


def test_a_source_that_cant_be_read_is_bad_and_its_numbers_are_unknown() -> None:
    said = told(Snapshot(NOW, None, SQS, {"Redis": "ConnectionError"}))

    assert said["overall"]["level"] == "bad"
    assert said["overall"]["text"] == "Redis can't be read (ConnectionError)."
    assert tile(said, "workers")["value"] == "unknown"
    assert tile(said, "sqs_waiting")["value"] == "3"
    assert (said["processes"], said["queues"], said["outcomes"]) == ([], [], None)


def test_the_silent_stand_first_and_are_not_counted_as_alive() -> None:
    silent = a_heartbeat(Role.WORKER, age=90)

    said = told(Snapshot(NOW, from_redis([*ALIVE, silent]), SQS))

    assert tile(said, "workers")["value"] == "1"
    assert tile(said, "silent")["value"] == "1"
    first = said["processes"][0]
    assert (first["role"], first["state"], first["last"]) == ("worker", "✖ silent", "90 s ago")
    assert first["started"] == "3 h ago"


def test_a_bridge_tells_what_it_has_done() -> None:
    bridge = a_heartbeat(Role.BRIDGE, total_messages=1200, deleted=1100, failed_messages=3)

    (row,) = told(Snapshot(NOW, from_redis([bridge]), SQS))["processes"]

    assert row["did"] == "1,200 received, 1,100 deleted, 3 failed"


def test_outcomes_are_told_by_the_minute_the_present_one_first() -> None:
    said = told(Snapshot(NOW, from_redis(forwarded=7, not_settled=5), SQS))["outcomes"]

    (forwarded,) = [row for row in said["rows"] if row["name"] == "forwarded"]
    assert forwarded == {"name": "forwarded", "counts": ["7", "0", "0", "0", "0"], "sum": "7"}
    assert len(said["minutes"]) == 5


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7_199, "120 min"),
        (7_200, "2 h"),
        (200_000, "2 d"),
    ],
)
def test_how_long_is_told_in_the_unit_that_fits(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_minute_without_a_sample_is_a_gap_and_one_without_counts_a_zero() -> None:
    charts = (
        Chart("gauges", (Line("both", ("a", "b")),)),
        Chart("counts", (Line("forwarded", ("forwarded",)),), is_tally=True),
    )

    given = columns(charts, [1, 2], [Sample(2, {"a": 1, "b": 2.04})], [{}, {"forwarded": 3}])

    assert given == {
        "times": [60, 120],
        "charts": [
            {"title": "gauges", "lines": [{"name": "both", "values": [None, 3.0]}]},
            {"title": "counts", "lines": [{"name": "forwarded", "values": [0, 3]}]},
        ],
    }


def test_every_line_of_the_charts_is_a_gauge_that_is_published() -> None:
    published = {gauge.label for gauge in from_redis().gauges}
    published |= {gauge.label for gauge in process_gauges([])}
    published |= {"email_queue_count:q", "email_queue_count_not_visible:q", "email_queue_count:d"}

    drawn = {
        label
        for chart in charts_of("q", "d")
        if not chart.is_tally
        for line in chart.lines
        for label in line.adds
    }

    assert drawn <= published


def test_held_mails_that_nobody_has_counted_are_unknown() -> None:
    redis = from_redis()
    gauges = [gauge for gauge in redis.gauges if not gauge.name.startswith(("held", "mailbox"))]

    said = told(Snapshot(NOW, replace(redis, gauges=gauges), SQS))

    assert {tile(said, name)["level"] for name in ("held", "releasing", "mailboxes")} == {"unknown"}
