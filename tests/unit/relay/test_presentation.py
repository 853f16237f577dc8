"""What the dashboard says of a snapshot: in words and signs, and of all that could not be read."""

from dataclasses import replace
from typing import Any

import pytest

from bridge.ledger.heartbeats import Heartbeat, Process, Role
from bridge.ports import QueueCounts
from relay.operations.dashboard import runbook, views
from relay.operations.dashboard.charts import Chart, Line, charts_of, columns
from relay.operations.dashboard.presentation import shown
from relay.operations.dashboard.snapshot import FromRedis, Snapshot
from relay.operations.gauges import REDIS_QUEUES, Gauge, process_gauges, unsettled_gauges
from relay.operations.history import Sample
from relay.operations.judgement.durations import duration
from relay.operations.judgement.facts import Facts, Progress, RedisFault
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
    return FromRedis(gauges, heartbeats, MINUTE - 9, [{}] * 9 + [counts], MINUTE)


QUEUE = QueueCounts(1, 2, 3)


def snapshot(redis: FromRedis | None = None, **facts: Any) -> Snapshot:
    """What was read, all well unless said otherwise."""
    redis = redis or from_redis()
    last = [{"forwarded": 1}, {"received": 1, "arrived": 1}]
    progress = Progress(redis.first_minute, [*redis.counts[:-2], *last])
    known: dict[str, Any] = {
        "redis_memory": 0.1,
        "heartbeats": redis.heartbeats,
        "queue": QUEUE,
        "dead_letters_in_sqs": 0,
        "progress": progress,
        "canary_age": 20.0,
    }
    known |= {"redis_waiting": 0}
    return Snapshot(Facts(NOW, "redis:6379", "db:5432", **known | facts), redis)


def without_redis() -> Snapshot:
    facts = Facts(NOW, "redis:6379", "db:5432", redis=RedisFault("Connection refused"), queue=QUEUE)
    return Snapshot(facts, None)


def told(snapshot: Snapshot) -> dict[str, Any]:
    return shown(snapshot, "/runbook/")


def tile(shown: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any]
    (found,) = [tile for tile in shown["tiles"] if tile["name"] == name]
    return found


def test_all_is_well_when_every_number_is_good() -> None:
    said = told(snapshot())

    assert said["overall"] == {
        "level": "good",
        "sign": "✓",
        "text": "All is well.",
        "causes": [],
        "symptoms": [],
        "look": "",
    }
    assert {tile["level"] for tile in said["tiles"]} == {"good"}
    assert tile(said, "sqs_waiting")["value"] == "3"
    assert tile(said, "sqs_hidden")["value"] == "3"
    assert tile(said, "held")["value"] == "7"


def test_the_ages_of_mails_are_shown_and_that_of_the_oldest() -> None:
    counts = {"age:1": 90, "age:60": 9, "age:300": 1}
    redis = replace(from_redis(), counts=[counts])
    redis.gauges.append(Gauge("oldest_unsettled_seconds", 125))

    ages = told(snapshot(redis))["ages"]

    assert {one["name"]: one["age"] for one in ages} == {
        "p50": "1 s",
        "p95": "47 s",
        "p99": "60 s",
        "oldest not settled": "2 min",
    }


def test_ages_that_nobody_knows_are_unknown() -> None:
    ages = told(snapshot())["ages"]

    assert {one["age"] for one in ages} == {"unknown"}


def oldest(*beats: Heartbeat) -> list[float]:
    return [gauge.value for gauge in unsettled_gauges(beats, int(NOW * 1000))]


def test_the_oldest_mail_is_that_of_the_bridges_that_live() -> None:
    bridge, dead = a_heartbeat(Role.BRIDGE), a_heartbeat(Role.BRIDGE, age=60)
    of_90, of_30 = (replace(bridge, oldest_ms=int((NOW - seconds) * 1000)) for seconds in (90, 30))
    old = replace(dead, oldest_ms=int((NOW - 500) * 1000))

    assert oldest(of_30, of_90, old) == [90]
    assert oldest(bridge, old) == [0]
    assert oldest(old) == [500]
    assert oldest(a_heartbeat(Role.WORKER)) == []


def test_what_is_wanting_is_named_with_its_number_and_with_what_to_do() -> None:
    said = told(snapshot(from_redis(heartbeats=ALIVE[1:], dead_letters=1)))

    (cause,) = said["overall"]["causes"]
    assert cause["cause"] == "no_bridge"
    assert cause["runbook"] == "/runbook/#no-bridge-is-alive"
    assert said["overall"]["text"].startswith("No bridge is alive. Mail waits in SQS;")
    assert said["overall"]["look"] == "Look at: Dead letters in Redis (4)."
    bridges = tile(said, "bridges")
    assert (bridges["level"], bridges["sign"], bridges["value"]) == ("bad", "✖", "0")
    assert bridges["advice"]
    assert bridges["runbook"] == "/runbook/#no-bridge-is-alive"


def test_an_open_breaker_comes_first_and_says_since_when_and_why() -> None:
    since_ms = int(NOW * 1000) - 90_000
    opened = OpenBreaker(Dependency.SES, "AccessDeniedException", since_ms)

    said = told(snapshot(breakers=[opened]))

    assert said["overall"]["level"] == "bad"
    assert said["overall"]["text"].startswith(
        "The workers may not send with SES: AccessDeniedException, for 90 s. Mail waits in SQS;"
    )
    assert tile(said, "breakers")["runbook"] == "/runbook/#a-circuit-breaker-is-open"


def test_a_source_that_cant_be_read_is_bad_and_its_numbers_are_unknown() -> None:
    said = told(without_redis())

    assert said["overall"]["level"] == "bad"
    assert said["overall"]["text"].startswith(
        "Redis (redis:6379) can't be reached: Connection refused."
    )
    assert tile(said, "workers")["value"] == "unknown"
    assert tile(said, "sqs_waiting")["value"] == "3"
    assert (said["processes"], said["queues"], said["outcomes"]) == ([], [], None)


def test_the_silent_stand_first_and_are_not_counted_as_alive() -> None:
    silent = a_heartbeat(Role.WORKER, age=90)

    said = told(snapshot(from_redis([*ALIVE, silent])))

    assert tile(said, "workers")["value"] == "1"
    assert tile(said, "silent")["value"] == "1"
    first = said["processes"][0]
    assert (first["role"], first["state"], first["last"]) == ("worker", "✖ silent", "90 s ago")
    assert first["started"] == "3 h ago"


def test_a_bridge_tells_what_it_has_done() -> None:
    bridge = a_heartbeat(Role.BRIDGE, total_messages=1200, deleted=1100, failed_messages=3)

    (row,) = told(snapshot(from_redis([bridge])))["processes"]

    assert row["did"] == "1,200 received, 1,100 deleted, 3 failed"


def test_outcomes_are_told_by_the_minute_the_present_one_first() -> None:
    said = told(snapshot(from_redis(forwarded=7, not_settled=5)))["outcomes"]

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

    said = told(snapshot(replace(redis, gauges=gauges)))

    assert {tile(said, name)["level"] for name in ("held", "releasing", "mailboxes")} == {"unknown"}


def test_reasons_are_ranked_and_each_leads_to_its_list_and_to_the_runbook() -> None:
    counts = {
        "not_settled:memory_full": 9,
        "rejected:not_json": 4,
        "failed:mail_missing": 3,
        "held:mailbox": 2,
    }
    redis = replace(from_redis(), counts=[{}, counts])

    said = shown(snapshot(redis), "/runbook/", views._lists())["reasons"]

    assert [(one["count"], one["link"], one["runbook"]) for one in said] == [
        ("9", "/admin/retries/?reason=memory_full", "/runbook/#many-messages-are-tried-again"),
        (
            "4",
            "/admin/sqs-dead-letters/?reason=rejected%3Anot_json",
            "/runbook/#messages-are-rejected",
        ),
        ("3", "/admin/dead-letters/?reason=mail_missing", "/runbook/#dead-letters-in-redis"),
        (
            "2",
            "/admin/emails/heldmail/?reason=mailbox",
            "/runbook/#an-owner-asks-about-held-mail",
        ),
    ]
    text = runbook.rendered(runbook.PAGES / "runbook.md")
    for one in said:
        assert f'id="{one["runbook"].partition("#")[2]}"' in text
