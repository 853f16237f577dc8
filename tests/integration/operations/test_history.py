"""The gauges of the last day: one sample a minute, no more than a day's, in known memory."""

import redis

from relay.operations import history
from relay.operations.gauges import REDIS_QUEUES, Gauge
from relay.operations.history import MINUTES, Sample

NOW = 29_000_000


def test_a_minutes_gauges_are_found_by_their_labels(wiped_redis: redis.Redis) -> None:
    gauges = [Gauge("in_flight", 3), Gauge("email_queue_count", 7, ("queue", "mail"))]

    history.record(wiped_redis, NOW, gauges)

    assert history.find(wiped_redis, NOW) == [
        Sample(NOW, {"in_flight": 3, "email_queue_count:mail": 7})
    ]


def test_a_minute_that_is_recorded_twice_is_kept_once(wiped_redis: redis.Redis) -> None:
    """Two schedulers, or a message that ran twice."""
    for value in (1, 2):
        history.record(wiped_redis, NOW, [Gauge("in_flight", value)])

    assert [sample.values["in_flight"] for sample in history.find(wiped_redis, NOW)] == [2]


def test_a_day_is_kept_and_no_more_in_less_than_two_megabytes(wiped_redis: redis.Redis) -> None:
    gauges = [
        *(Gauge(f"email_queue_count_{n}", 123_456, ("queue", f"q{n}")) for n in range(6)),
        *(
            Gauge(f"redis_queue_{n}", 1234.567, ("queue", q))
            for n in range(4)
            for q in REDIS_QUEUES
        ),
        *(Gauge("processes_alive", n, ("role", str(n))) for n in range(5)),
    ]

    for minute in range(NOW, NOW + MINUTES + 10):
        history.record(wiped_redis, minute, gauges)

    now = NOW + MINUTES + 9
    kept = [sample.minute for sample in history.find(wiped_redis, now)]
    assert kept == list(range(now - MINUTES + 1, now + 1))
    assert wiped_redis.zcard("relay:gauges") == MINUTES
    assert (wiped_redis.memory_usage("relay:gauges", samples=0) or 0) < 2_000_000


def test_gaps_do_not_make_old_samples_stay(wiped_redis: redis.Redis) -> None:
    history.record(wiped_redis, NOW, [Gauge("in_flight", 1)])

    history.record(wiped_redis, NOW + MINUTES, [Gauge("in_flight", 2)])

    assert wiped_redis.zcard("relay:gauges") == 1
    assert wiped_redis.ttl("relay:gauges") > 0
