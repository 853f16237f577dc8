"""How much a bridge receives while the workers can't work."""

import fakeredis
import pytest

from bridge.gate import Gate
from runtime.breakers import BRIDGE, Breakers
from runtime.dependencies import Dependency

WANTED = 10


class World:
    """A bridge's gate, and a worker's breakers on the same Redis."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.redis = fakeredis.FakeRedis()
        self.workers = Breakers(self.redis, monotonic=self.time)
        self.gate = Gate(Breakers(self.redis, monotonic=self.time), monotonic=self.time)

    def time(self) -> float:
        return self.now

    def fail(self, dependency: Dependency) -> None:
        for _ in range(5):
            self.workers.failed(dependency, "AccessDenied")

    def received_in(self, seconds: int) -> list[int]:
        received = []
        for _ in range(seconds * 2):
            received.append(self.gate.may_receive(WANTED))
            self.now += 0.5
        return received


@pytest.fixture
def world() -> World:
    return World()


def test_while_all_is_well_all_that_is_wanted_may_come_in(world: World) -> None:
    assert set(world.received_in(5)) == {WANTED}


@pytest.mark.parametrize("dependency", Dependency)
def test_while_a_breaker_of_the_workers_is_open_one_message_comes_in_every_five_seconds(
    world: World, dependency: Dependency
) -> None:
    world.fail(dependency)

    received = world.received_in(20)

    assert received[:11] == [1, *[0] * 9, 1]
    assert sum(received) == 4


def test_half_a_second_after_the_breaker_has_closed_the_bridge_is_back_at_full_speed(
    world: World,
) -> None:
    world.fail(Dependency.SES)
    world.received_in(20)

    world.workers.worked(Dependency.SES)
    world.now += 0.5

    assert world.gate.may_receive(WANTED) == WANTED


def test_a_breaker_of_another_bridge_stops_nobody(world: World) -> None:
    """Certificates are each bridge's own affair: another may have them."""
    other = Breakers(world.redis, BRIDGE)
    for _ in range(5):
        other.failed(Dependency.CERTIFICATES, "TimeoutError")

    assert world.gate.may_receive(WANTED) == WANTED
