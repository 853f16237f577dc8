"""Circuit breakers: they open in time, one probe at a time tries again, and one success closes."""

import threading
from collections.abc import Iterator
from unittest.mock import patch

import pytest
import redis
from redis.exceptions import ConnectionError as Away

from runtime import breakers as module
from runtime.breakers import BRIDGE, WORKERS, Breakers, find_all_open
from runtime.dependencies import Dependency

SES, S3 = Dependency.SES, Dependency.S3


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def a_process(client: redis.Redis, clock: Clock, owner: str = WORKERS) -> Breakers:
    return Breakers(client, owner, clock=clock, monotonic=clock)


@pytest.fixture
def one(redis_client: redis.Redis, clock: Clock) -> Breakers:
    return a_process(redis_client, clock)


@pytest.fixture
def another(redis_client: redis.Redis, clock: Clock) -> Breakers:
    return a_process(redis_client, clock)


def fail(breakers: Breakers, times: int, dependency: Dependency = SES) -> None:
    for _ in range(times):
        breakers.failed(dependency, "AccessDenied")


def let_waits_end(client: redis.Redis) -> None:
    """End the waits between probes, as time does."""
    for name in client.scan_iter("relay:breaker-probe:*"):
        if client.get(name) == b"waiting":
            client.delete(name)


def test_five_failures_in_a_row_open_a_breaker_and_no_fewer(one: Breakers) -> None:
    fail(one, 4)
    assert one.find_open() == {}

    fail(one, 1)
    assert set(one.find_open()) == {SES}
    assert one.find_open()[SES].code == "AccessDenied"


def test_a_success_between_failures_keeps_it_closed(one: Breakers) -> None:
    for _ in range(3):
        fail(one, 4)
        one.worked(SES)

    assert one.find_open() == {}


def test_three_failures_within_five_seconds_open_it_too(one: Breakers, clock: Clock) -> None:
    """Each call may take long to fail."""
    fail(one, 1)
    clock.now += 5
    fail(one, 1)
    assert one.find_open() == {}

    fail(one, 1)
    assert set(one.find_open()) == {SES}


def test_each_dependency_has_its_own(one: Breakers) -> None:
    fail(one, 4)
    fail(one, 4, S3)
    one.worked(S3)
    fail(one, 1)

    assert set(one.find_open()) == {SES}


def test_other_processes_of_the_same_kind_see_it_within_half_a_second(
    one: Breakers, another: Breakers, redis_client: redis.Redis, clock: Clock
) -> None:
    assert another.find_open() == {}
    fail(one, 5)

    clock.now += 0.5

    assert another.find_open() == one.find_open()
    assert a_process(redis_client, clock, BRIDGE).find_open() == {}


def test_a_success_in_any_process_closes_it_for_all(
    one: Breakers, another: Breakers, clock: Clock
) -> None:
    fail(one, 5)
    clock.now += 1
    another.find_open()

    another.worked(SES)
    clock.now += 1

    assert one.find_open() == another.find_open() == {}
    fail(one, 4)
    assert one.find_open() == {}, "it counts from zero"


def test_nobody_probes_at_once_then_one_process_does(
    one: Breakers, another: Breakers, redis_client: redis.Redis
) -> None:
    fail(one, 5)
    assert not one.take_probe(SES)

    let_waits_end(redis_client)

    assert one.take_probe(SES)
    assert not another.take_probe(SES)


def test_a_probe_that_fails_makes_all_wait(
    one: Breakers, another: Breakers, redis_client: redis.Redis
) -> None:
    fail(one, 5)
    let_waits_end(redis_client)
    one.take_probe(SES)

    fail(one, 1)

    assert not one.take_probe(SES)
    assert not another.take_probe(SES)


@pytest.mark.parametrize(("open_for", "most_ms"), [(0, 1_000), (12, 3_000), (3_600, 5_000)])
def test_the_longer_it_lasts_the_longer_is_the_wait_up_to_five_seconds(
    one: Breakers, redis_client: redis.Redis, clock: Clock, open_for: float, most_ms: int
) -> None:
    fail(one, 5)
    clock.now += open_for

    fail(one, 1)

    left = redis_client.pttl("relay:breaker-probe:ses")
    assert most_ms - 500 < left <= most_ms


def test_a_probe_that_asked_nothing_is_given_back(
    one: Breakers, another: Breakers, redis_client: redis.Redis
) -> None:
    fail(one, 5)
    let_waits_end(redis_client)
    one.take_probe(SES)

    one.give_back_probes()

    assert another.take_probe(SES)


def test_giving_back_ends_nobody_elses_probe_and_no_wait(
    one: Breakers, another: Breakers, redis_client: redis.Redis
) -> None:
    fail(one, 5)
    let_waits_end(redis_client)
    one.take_probe(SES)
    redis_client.delete("relay:breaker-probe:ses")
    assert another.take_probe(SES)

    one.give_back_probes()

    assert not one.take_probe(SES)


def test_operators_see_what_is_open_for_whom_since_when_and_why(
    one: Breakers, redis_client: redis.Redis, clock: Clock
) -> None:
    fail(a_process(redis_client, clock, BRIDGE), 5, S3)
    clock.now += 1
    fail(one, 5)

    found = find_all_open(redis_client)

    assert [breaker.dependency for breaker in found] == [S3, SES]
    assert found[0].since_ms == 1_000_000


def test_while_all_is_well_a_success_costs_no_call(clock: Clock) -> None:
    client = redis.Redis(port=1)

    with patch.object(client, "execute_command") as calls:
        a_process(client, clock).worked(SES)

    calls.assert_not_called()


@pytest.fixture
def away() -> Iterator[redis.Redis]:
    client = redis.Redis(port=1)
    with patch.object(client, "execute_command", side_effect=Away):
        yield client


def test_without_redis_a_process_goes_by_what_it_sees_itself(
    away: redis.Redis, clock: Clock
) -> None:
    alone = a_process(away, clock)

    fail(alone, 5)

    assert set(alone.find_open()) == {SES}
    alone.worked(SES)
    assert alone.find_open() == {}


def test_the_log_says_when_a_breaker_opens_and_closes_once(
    one: Breakers, another: Breakers, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING", logger=module.__name__)
    fail(one, 5)
    fail(another, 5)
    clock.now += 7
    one.worked(SES)
    another.worked(SES)

    lines = [(line.message, line.__dict__["breaker"]) for line in caplog.records]
    assert lines == [("breaker opened", SES), ("breaker closed", SES)]
    assert caplog.records[0].__dict__["error_code"] == "AccessDenied"
    assert caplog.records[1].__dict__["open_s"] == 7


def test_a_refresh_that_began_before_undoes_no_opening(
    one: Breakers, redis_client: redis.Redis
) -> None:
    """Else one thread's look lets the others call what just failed."""
    fail(one, 4)
    is_reading, may_go_on = threading.Event(), threading.Event()
    read = redis_client.hgetall

    def read_slowly(name: str) -> object:
        found = read(name)
        is_reading.set()
        may_go_on.wait(10)
        return found

    look = threading.Thread(target=one.find_open)
    opening = threading.Thread(target=fail, args=(one, 1))
    with patch.object(redis_client, "hgetall", read_slowly):
        look.start()
        is_reading.wait(10)
        opening.start()
        opening.join(0.2)
        may_go_on.set()
        look.join()
        opening.join()

    assert set(one.find_open()) == {SES}


def test_a_probe_whose_process_died_is_somebody_elses_after_a_while(
    one: Breakers, redis_client: redis.Redis
) -> None:
    fail(one, 5)
    let_waits_end(redis_client)
    assert one.take_probe(SES)

    assert 0 < redis_client.ttl(f"relay:breaker-probe:{SES}") <= 30


def test_a_breaker_that_nobody_asks_about_is_forgotten(
    one: Breakers, redis_client: redis.Redis
) -> None:
    fail(one, 5)

    assert 0 < redis_client.ttl(f"relay:breakers:{WORKERS}") <= 3600
