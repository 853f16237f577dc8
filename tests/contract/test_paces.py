"""All workers send at one pace, and slow down together when SES has had enough.

The first cases hold for the stand-in of the other tests as well; what follows is for workers that
share a Redis.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

import pytest
import redis

from emails.edges.pace import MAX_WAIT_SECONDS, SharedPace
from emails.edges.ports import Pace
from emails.edges.turns import Turns
from emails.values.errors import NotFinished, OthersFirst
from emails.values.outcomes import RetryReason
from runtime.lane import goes_first, still_first
from tests.contract.conftest import PLAYED_BY_REDIS, an_empty_redis
from tests.fakes import FakePace


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def time(self) -> float:
        return self.now


class LineClock:
    """The time of the line, which may stand still."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.stands_still = False

    def time(self) -> float:
        return 1000.0 if self.stands_still else self._clock.time()


@pytest.fixture
def clock() -> Clock:
    """The time of all workers, and of their line."""
    return Clock()


def a_pace(
    redis_client: redis.Redis,
    clock: Clock,
    per_second: int | None = None,
    line_clock: Clock | LineClock | None = None,
) -> SharedPace:
    turns = Turns(redis_client, (line_clock or clock).time)
    return SharedPace(redis_client, per_second, sleep=clock.sleep, clock=clock.time, turns=turns)


def send(pace: SharedPace, number: int) -> None:
    for _ in range(number):
        pace.wait_turn()


@dataclass
class AnyPace:
    """A pace, and what makes SES's rate be used up for as long as anybody waits."""

    pace: Pace
    use_up: Callable[[], None]


@pytest.fixture(params=["stand-in", *PLAYED_BY_REDIS])
def any_pace(request: pytest.FixtureRequest, clock: Clock) -> AnyPace:
    """A pace on which nothing was sent."""
    if request.param == "stand-in":
        fake = FakePace()

        def refuse_next() -> None:
            fake.fails = [NotFinished(RetryReason.WAITS_FOR_TURN)]

        return AnyPace(fake, refuse_next)
    line_clock = LineClock(clock)
    shared = a_pace(an_empty_redis(request.param, request), clock, 100, line_clock)

    def stand_still() -> None:
        line_clock.stands_still = True
        send(shared, 1)

    return AnyPace(shared, stand_still)


def test_a_turn_comes(any_pace: AnyPace) -> None:
    any_pace.pace.wait_turn()


def test_after_a_complaint_turns_come_all_the_same(any_pace: AnyPace) -> None:
    for _ in range(3):
        any_pace.pace.slow_down()
        any_pace.pace.wait_turn()


def test_a_turn_that_does_not_come_may_come_later(any_pace: AnyPace) -> None:
    any_pace.use_up()

    with pytest.raises(NotFinished) as failure:
        any_pace.pace.wait_turn()

    assert failure.value.reason == RetryReason.WAITS_FOR_TURN


def test_nobody_waits_while_ses_takes_all(redis_client: redis.Redis, clock: Clock) -> None:
    send(a_pace(redis_client, clock), 100)
    assert clock.now == 1000


def a_busy_second(clock: Clock, *paces: SharedPace, number: int = 50) -> None:
    """All send; and one each in the next second, when what was sent before is told."""
    for pace in paces:
        send(pace, number)
    clock.sleep(1)
    for pace in paces:
        send(pace, 1)


def test_what_one_worker_learns_holds_for_the_others_within_a_second(
    redis_client: redis.Redis, clock: Clock
) -> None:
    one, other = a_pace(redis_client, clock), a_pace(redis_client, clock)
    a_busy_second(clock, one, other)

    one.slow_down()

    assert one.limit() == pytest.approx(80)
    clock.sleep(1)
    assert other.limit() == pytest.approx(80, rel=0.05)
    started = clock.now
    send(other, 240)
    assert 1.9 <= clock.now - started <= 4


def test_complaints_that_come_together_are_one(redis_client: redis.Redis, clock: Clock) -> None:
    """Thirty threads whose mails are refused at the same moment have learned one thing."""
    pace = a_pace(redis_client, clock)
    send(pace, 100)
    for _ in range(30):
        pace.slow_down()
    assert pace.limit() == pytest.approx(80)


def test_the_limit_shrinks_while_ses_complains_and_grows_when_it_does_not(
    redis_client: redis.Redis, clock: Clock
) -> None:
    pace = a_pace(redis_client, clock)
    send(pace, 100)
    pace.slow_down()

    clock.sleep(5)
    assert pace.limit() == pytest.approx(100)
    pace.slow_down()
    assert pace.limit() == pytest.approx(80)
    clock.sleep(20)
    assert pace.limit() == pytest.approx(80 * 1.25**4)
    assert 0 < redis_client.ttl("relay:ses-limit") <= 60
    counters = cast("list[bytes]", redis_client.keys("relay:ses-count:*"))
    assert all(0 < redis_client.ttl(counter) <= 5 for counter in counters)
    assert counters


def test_what_was_sent_is_told_once_a_second(redis_client: redis.Redis, clock: Clock) -> None:
    """At each mail it would cost a round trip."""
    pace = a_pace(redis_client, clock)
    for _ in range(3):
        send(pace, 40)
        clock.sleep(1)
    send(pace, 1)
    counters = sorted(redis_client.keys("relay:ses-count:*"))
    assert [int(redis_client.get(counter) or 0) for counter in counters][-3:] == [40, 40, 40]


def test_the_limit_never_falls_below_one(redis_client: redis.Redis, clock: Clock) -> None:
    pace = a_pace(redis_client, clock)
    pace.slow_down()
    assert pace.limit() == 1
    pace.wait_turn()


def test_a_turn_that_does_not_come_is_left_to_the_next_attempt(
    redis_client: redis.Redis, clock: Clock
) -> None:
    pace = a_pace(redis_client, clock, 1, Clock())
    pace.wait_turn()

    with pytest.raises(NotFinished) as failure:
        pace.wait_turn()

    assert failure.value.reason == RetryReason.WAITS_FOR_TURN
    assert clock.now >= 1000 + MAX_WAIT_SECONDS
    assert not redis_client.exists("relay:ses-turns:others", "relay:ses-turns:seen")


def test_all_workers_together_keep_to_the_rate(redis_client: redis.Redis, clock: Clock) -> None:
    paces = [a_pace(redis_client, clock, 3) for _ in range(2)]
    for turn in range(30):
        paces[turn % 2].wait_turn()
    assert 9 <= clock.now - 1000 <= 12


@pytest.fixture
def place() -> Iterator[set[str]]:
    """What mails go first; this one is called `it`."""
    first = {"it"}
    tokens = goes_first.set(True), still_first.set(lambda: "it" in first)
    yield first
    goes_first.reset(tokens[0])
    still_first.reset(tokens[1])


def test_a_mail_that_may_not_go_first_any_more_leaves_the_line(
    redis_client: redis.Redis, clock: Clock, place: set[str]
) -> None:
    line_clock = LineClock(clock)
    pace = a_pace(redis_client, clock, 1, line_clock)
    line_clock.stands_still = True
    pace.wait_turn()
    pace.check_place()

    place.clear()

    with pytest.raises(OthersFirst):
        pace.check_place()
    with pytest.raises(OthersFirst):
        pace.wait_turn()
    assert clock.now < 1002
    assert redis_client.zcard("relay:ses-turns:first") == 0


def test_a_mail_far_back_in_the_line_asks_often_whether_it_still_goes_first(
    redis_client: redis.Redis, clock: Clock, place: set[str]
) -> None:
    turns, asleep = Turns(redis_client, clock.time), list[float]()
    for number in range(10):
        turns.ask(f"before-{number}", 1)

    def sleep(seconds: float) -> None:
        asleep.append(seconds)
        place.clear()

    pace = SharedPace(redis_client, 1, sleep=sleep, clock=clock.time, turns=turns)
    with pytest.raises(OthersFirst):
        pace.wait_turn()
    assert asleep == [0.1]


def test_without_a_limit_nobody_s_place_is_asked_for(
    redis_client: redis.Redis, clock: Clock, place: set[str]
) -> None:
    place.clear()
    pace = a_pace(redis_client, clock)
    pace.check_place()
    pace.wait_turn()
