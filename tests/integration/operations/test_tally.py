"""What became of mails, by the minute: counted once, written in one round trip, not lost."""

import time
from collections.abc import Iterator

import pytest
import redis
from markus.main import MetricsRecord

from runtime import tally
from runtime.redis_client import connect_fail_fast
from runtime.tally import Tally, counted_as, find_counts
from tests.environment import NOWHERE
from tests.waiting import wait_until


@pytest.fixture
def counting(wiped_redis: redis.Redis) -> Iterator[Tally]:
    counting = Tally(wiped_redis)
    yield counting
    counting.close()


def an_outcome(name: str = "forwarded", value: int = 1) -> MetricsRecord:
    return MetricsRecord("incr", "emails.outcome", value, [f"outcome:{name}", "reason:any"])


def counted(client: redis.Redis) -> dict[str, int]:
    """What was counted in this minute and in the one before, in case it has just changed."""
    minute = int(time.time() // 60)
    before, now = find_counts(client, [minute - 1, minute])
    return {name: before.get(name, 0) + now.get(name, 0) for name in before | now}


@pytest.mark.parametrize(
    ("metric", "tags", "name"),
    [
        ("emails.outcome", ["outcome:blocked", "reason:blocks_all"], "blocked"),
        (
            "emails.not_settled",
            ["reason:sender_throttled"],
            "not_settled not_settled:sender_throttled",
        ),
        ("emails.paced", [], "paced"),
        ("bridge.rejected", ["reason:not_json"], "rejected rejected:not_json"),
        ("bridge.failed", ["reason:mail_missing"], "failed failed:mail_missing"),
        ("emails.outcome", ["outcome:held", "reason:mailbox"], "held held:mailbox"),
        ("bridge.message", ["result:success"], ""),
        ("bridge.arrived", [], "arrived"),
        ("bridge.taken", ["result:enqueued"], "received"),
        ("bridge.taken", ["result:already_in_flight"], "received"),
        ("bridge.taken", ["result:send_confirmed"], "received"),
        ("bridge.taken", ["result:parked"], "received postponed"),
        ("bridge.taken", ["result:deferred"], "received postponed"),
        ("emails.outcome", [], ""),
    ],
)
def test_what_is_counted_as_what(metric: str, tags: list[str], name: str) -> None:
    assert counted_as(metric, tags) == tuple(name.split())


def test_counts_are_in_redis_within_moments(counting: Tally, wiped_redis: redis.Redis) -> None:
    for _ in range(3):
        counting.emit(an_outcome())
    counting.emit(an_outcome("dropped", 2))
    counting.emit(MetricsRecord("gauge", "emails.outcome", 9, ["outcome:no"]))

    wait_until("the counts", lambda: counted(wiped_redis) == {"forwarded": 3, "dropped": 2})
    assert all(0 < wiped_redis.ttl(key) <= 25 * 3600 for key in wiped_redis.scan_iter())


def test_mails_are_counted_by_age_when_they_are_settled(
    counting: Tally, wiped_redis: redis.Redis
) -> None:
    for stage, ms in (("settled", 900), ("settled", 45_000), ("settled", 50_000), ("sent", 1)):
        counting.emit(MetricsRecord("timing", "mail_age", ms, [f"stage:{stage}"]))

    counting.write()

    assert counted(wiped_redis) == {"age:1": 1, "age:60": 2}


def test_many_counts_are_one_round_trip(counting: Tally, wiped_redis: redis.Redis) -> None:
    for _ in range(5_000):
        counting.emit(an_outcome())
    wiped_redis.config_resetstat()

    counting.write()

    assert wiped_redis.info("commandstats")["cmdstat_hincrby"]["calls"] <= 2
    assert counted(wiped_redis) == {"forwarded": 5_000}


def test_what_redis_does_not_take_is_written_later(
    wiped_redis: redis.Redis, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    counting = Tally(connect_fail_fast(f"redis://{NOWHERE}/0"))
    counting.emit(an_outcome())
    assert counting.write() is False
    assert "counts not written" in caplog.text

    counting._redis = wiped_redis

    assert counting.write() is True
    assert counted(wiped_redis) == {"forwarded": 1}
    counting.close()


def test_the_last_second_is_written_at_the_end(
    wiped_redis: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tally, "_EVERY_SECONDS", 3600)
    counting = Tally(wiped_redis)
    counting.emit(an_outcome())

    counting.close()

    assert counted(wiped_redis) == {"forwarded": 1}
