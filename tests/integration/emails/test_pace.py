"""All workers send at one pace, and slow down together when SES has had enough."""

import pytest
import redis

from emails.errors import NotFinished
from emails.outcomes import RetryReason
from emails.pace import PATIENCE_SECONDS, Pace


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def time(self) -> float:
        return self.now


@pytest.fixture
def client(redis_url: str) -> redis.Redis:
    client = redis.Redis.from_url(redis_url)
    client.flushdb()
    return client


def a_pace(client: redis.Redis, per_second: int | None = None) -> tuple[Pace, Clock]:
    clock = Clock()
    return Pace(client, per_second, sleep=clock.sleep, clock=clock.time), clock


def test_nobody_waits_while_ses_takes_all(client: redis.Redis) -> None:
    pace, clock = a_pace(client)
    for _ in range(100):
        pace.wait_turn()
    assert clock.now == 0


def test_what_one_worker_learns_holds_for_the_others(client: redis.Redis) -> None:
    one, _ = a_pace(client)
    other, clock = a_pace(client)
    one.slow_down()

    with pytest.raises(NotFinished) as failure:
        other.wait_turn()

    assert failure.value.reason == RetryReason.SENDER_THROTTLED
    assert clock.now >= PATIENCE_SECONDS


def test_sending_goes_on_when_the_pause_is_over(client: redis.Redis) -> None:
    pace = Pace(client, None)
    pace.slow_down()
    pace.wait_turn()
    assert not client.exists("relay:ses-pause")


def test_pauses_grow_while_ses_goes_on_complaining_and_end(client: redis.Redis) -> None:
    pace, _ = a_pace(client)
    pauses = []
    for _ in range(9):
        pace.slow_down()
        pauses.append(client.pttl("relay:ses-pause"))
        client.delete("relay:ses-pause")
    for pause, expected in zip(pauses, [500, 1000, 2000, 4000, 8000, *[16_000] * 4], strict=True):
        assert expected * 0.9 < pause <= expected
    assert 0 < client.pttl("relay:ses-strikes") <= 30_000


def test_many_complaints_at_once_are_one(client: redis.Redis) -> None:
    """Thirty threads whose mails are refused at the same moment have learned one thing."""
    for _ in range(30):
        a_pace(client)[0].slow_down()
    assert client.get("relay:ses-strikes") == b"1"


def test_all_workers_together_keep_to_the_rate(
    client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dramatiq.rate_limits.window.time.time", lambda: 1000.5)
    paces = [a_pace(client, 3)[0] for _ in range(2)]

    for turn in range(3):
        paces[turn % 2].wait_turn()

    for pace in paces:
        with pytest.raises(NotFinished):
            pace.wait_turn()
    monkeypatch.setattr("dramatiq.rate_limits.window.time.time", lambda: 1001.5)
    paces[1].wait_turn()
