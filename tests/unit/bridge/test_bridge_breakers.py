"""A bridge's own breakers: when they open, and what operators see of them."""

import pytest
import redis

from bridge.breakers import CERTIFICATE_MISSING, OwnBreakers
from bridge.dispositions import Disposition
from runtime.breakers import find_all_open
from runtime.dependencies import Dependency
from tests.unit.bridge.parking_world import GENUINE, World


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ([0, 0, 0, 0], False),
        ([0, 0, 0, 0, 0], True),
        ([0, 2, 4], False),
        ([0, 2, 5], True),
        ([0, 60], False),
    ],
)
def test_certificates_opens_after_failures_in_a_row(
    world: World, at: list[float], is_open: bool
) -> None:
    for seconds in at:
        world.now = 1_000 + seconds
        world.breakers.failed("TimeoutError")

    assert (Dependency.CERTIFICATES in world.breakers.find_open()) is is_open


def test_each_message_that_passes_starts_the_count_anew(world: World) -> None:
    for _ in range(4):
        world.breakers.failed("TimeoutError")
    world.breakers.worked()
    world.breakers.failed("TimeoutError")

    assert world.breakers.find_open() == {}


def test_operators_see_the_breakers_of_all_bridges_each_dependency_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    other = OwnBreakers(world.redis, "b2")
    with caplog.at_level("WARNING"):
        for one in (world.breakers, other):
            one.open(CERTIFICATE_MISSING)
            one.open(CERTIFICATE_MISSING)
        world.breakers.worked()
        assert world.open() == {"certificates": "certificate_missing"}
        other.worked()

    assert world.open() == {}
    assert caplog.messages == ["breaker opened"] * 2 + ["breaker closed"] * 2
    assert world.redis.exists("relay:resumed")


def test_the_breakers_of_a_bridge_that_was_killed_are_forgotten(world: World) -> None:
    world.breakers.open(CERTIFICATE_MISSING)
    (found,) = find_all_open(world.redis)

    assert find_all_open(world.redis, found.since_ms + 59_000) == [found]
    assert find_all_open(world.redis, found.since_ms + 61_000) == []
    assert 0 < world.redis.ttl("relay:breakers:bridge") <= 60


def test_a_wiped_redis_learns_of_it_again(world: World) -> None:
    world.breakers.open(CERTIFICATE_MISSING)
    world.redis.flushdb()

    world.now += 5
    world.breakers.report()

    assert world.open()


def test_a_bridge_that_stops_publishes_nothing_more(world: World) -> None:
    world.breakers.open(CERTIFICATE_MISSING)

    world.breakers.leave()

    assert world.open() == {}


def test_without_redis_a_bridge_goes_by_its_own(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise redis.ConnectionError

    for name in ("hset", "hdel", "expire", "set"):
        monkeypatch.setattr(world.redis, name, away)

    world.breakers.open(CERTIFICATE_MISSING)
    assert world.breakers.find_open()
    world.breakers.worked()
    assert world.breakers.find_open() == {}


def test_what_is_parked_is_counted(world: World) -> None:
    world.is_host_up = False
    world.queue.put(GENUINE)

    cycle = world.poller.cycle(10)

    assert cycle.dispositions == {Disposition.PARKED: 1}
    assert cycle.failed == 0
