"""The last seven days: one sample for each ten minutes, no more than a week's, in known memory."""

import time
from typing import Any

import pytest
import redis
from django.test import Client

from relay.operations import history, week
from relay.operations.gauges import REDIS_QUEUES, Gauge
from relay.operations.week import SAMPLES, STEP, Sample
from tests.integration.operations.conftest import a_member_of_staff

NOW = 29_000_003
FIRST = 28_999_990
"""The first of the last ten minutes that are over at NOW."""


def test_ten_minutes_that_are_over_become_their_peaks_and_sums(wiped_redis: redis.Redis) -> None:
    for minute, value, count in ((FIRST - 1, 99, 99), (FIRST, 3, 1), (FIRST + 9, 8, 4),
                                 (FIRST + 10, 70, 70)):  # fmt: skip
        history.record(wiped_redis, minute, [Gauge("in_flight", value)])
        wiped_redis.hset(f"relay:tally:{minute}", "forwarded", count)

    week.record(wiped_redis, NOW)

    minutes = week.minutes_before(NOW)
    assert (len(minutes), minutes[-1]) == (SAMPLES, FIRST)
    assert week.find(wiped_redis, minutes) == [Sample(FIRST, {"in_flight": 8}, {"forwarded": 5})]


def test_they_are_recorded_once(wiped_redis: redis.Redis) -> None:
    history.record(wiped_redis, FIRST, [Gauge("in_flight", 3)])
    week.record(wiped_redis, NOW)
    history.record(wiped_redis, FIRST, [Gauge("in_flight", 4)])

    week.record(wiped_redis, NOW + 1)

    assert [
        one.gauges["in_flight"] for one in week.find(wiped_redis, week.minutes_before(NOW))
    ] == [3]


def test_a_week_is_kept_and_no_more_in_less_than_three_megabytes(wiped_redis: redis.Redis) -> None:
    gauges = [
        *(Gauge(f"email_queue_count_{n}", 123_456, ("queue", f"q{n}")) for n in range(6)),
        *(Gauge(f"redis_{n}", 1234.567, ("queue", q)) for n in range(4) for q in REDIS_QUEUES),
        *(Gauge("stall_s", n, ("cause", f"a_cause_{n}")) for n in range(40)),
    ]
    for number in range(SAMPLES + 5):
        now = NOW + number * STEP
        history.record(wiped_redis, now, gauges)
        week.record(wiped_redis, now + STEP)

    assert wiped_redis.zcard("relay:week") == SAMPLES
    assert (wiped_redis.memory_usage("relay:week", samples=0) or 0) < 3_000_000
    assert wiped_redis.ttl("relay:week") > 0


@pytest.mark.django_db
def test_the_charts_of_a_week_have_averages_and_gaps(
    client: Client, wiped_redis: redis.Redis
) -> None:
    now = int(time.time() // 60)
    first = week.minutes_before(now)[-1]
    history.record(wiped_redis, first, [Gauge("in_flight", 3)])
    wiped_redis.hset(f"relay:tally:{first}", "forwarded", 25)
    week.record(wiped_redis, now)
    client.force_login(a_member_of_staff("view_dashboard"))

    told: Any = client.get("/admin/dashboard/charts.json?days=7").json()

    lines = {
        f"{chart['title']}: {line['name']}": line["values"]
        for chart in told["charts"]
        for line in chart["lines"]
    }
    at = told["times"].index(first * 60)
    assert (len(told["times"]), at) in {(SAMPLES, SAMPLES - 1), (SAMPLES, SAMPLES - 2)}
    assert lines["Outcomes per minute: forwarded"][at - 1 : at + 1] == [None, 2.5]
    assert lines["Redis: messages: in flight"][at - 1 : at + 1] == [None, 3]
