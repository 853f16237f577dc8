"""How much a bridge receives while the workers can't work."""

import time

import fakeredis
import pytest

from bridge.breakers import BLAMES, CERTIFICATE_MISSING, Blame, OwnBreakers
from bridge.gate import Allowed, Gate
from bridge.messages import Message
from bridge.parking import Parking
from runtime.breakers import Breakers
from runtime.controls.store import ControlStore
from runtime.controls.values import Action, order
from runtime.controls.watch import ControlWatch
from runtime.dependencies import Dependency
from runtime.seals import Seals
from tests.fake_queue import FakeQueue

WANTED, PLACES = 10, 12


class World:
    """A bridge's gate, and a worker's breakers on the same Redis."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.redis = fakeredis.FakeRedis()
        self.workers = Breakers(self.redis, monotonic=self.time)
        self.controls = ControlStore(self.redis, Seals(("a secret",)))
        self.own = OwnBreakers(self.redis, "b1", monotonic=self.time)
        self.parking = Parking(FakeQueue(), visibility_seconds=30, places=PLACES)
        self.gate = Gate(
            Breakers(self.redis, monotonic=self.time),
            self.own,
            self.parking,
            ControlWatch(self.controls, monotonic=self.time),
            monotonic=self.time,
        )

    def time(self) -> float:
        return self.now

    def pause(self, action: Action) -> None:
        now_ms = int(time.time() * 1000)
        self.controls.add(order(action, "", by="ann", why="a drill", now_ms=now_ms, seconds=60))
        self.now += 1

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


def test_events_do_not_stand_before_the_mail_that_may_close_the_breaker(world: World) -> None:
    world.fail(Dependency.SES)
    assert [world.gate.may_receive(WANTED) for _ in range(2)] == [1, 0]

    world.gate.received_no_probe()

    assert [world.gate.may_receive(WANTED) for _ in range(2)] == [1, 0]


def test_half_a_second_after_the_breaker_has_closed_the_bridge_is_back_at_full_speed(
    world: World,
) -> None:
    world.fail(Dependency.SES)
    world.received_in(20)

    world.workers.worked(Dependency.SES)
    world.now += 0.5

    assert world.gate.may_receive(WANTED) == WANTED


def open_certificates(breakers: OwnBreakers) -> None:
    for _ in range(5):
        breakers.failed("TimeoutError")


def test_a_breaker_of_another_bridge_stops_nobody(world: World) -> None:
    """Another may reach SNS's host."""
    open_certificates(OwnBreakers(world.redis, "b2"))

    assert world.gate.may_receive(WANTED) == WANTED


@pytest.mark.parametrize("blame", [CERTIFICATE_MISSING, *BLAMES.values()], ids=lambda one: one.code)
def test_while_its_own_breaker_is_open_one_message_comes_in_every_five_seconds(
    world: World, blame: Blame
) -> None:
    world.own.open(blame)

    assert sum(world.received_in(20)) == 4

    world.own.worked()
    assert world.gate.may_receive(WANTED) == WANTED


def test_while_certificates_fail_no_more_comes_in_than_can_be_parked(world: World) -> None:
    world.own.failed("TimeoutError")
    for number in range(PLACES - 3):
        world.parking.park(a_message(number), "503")
    assert world.gate.may_receive(WANTED) == 3

    for number in range(PLACES):
        world.parking.park(a_message(number), "503")
    open_certificates(world.own)
    assert sum(world.received_in(20)) == 0


def test_forged_messages_that_are_parked_take_no_place_from_genuine_ones(world: World) -> None:
    """A host that is down fails files it has never heard of; the known certificate still works."""
    for number in range(PLACES):
        world.parking.park(a_message(number), "503")

    assert world.gate.may_receive(WANTED) == WANTED


def a_message(number: int) -> Message:
    return Message(f"m{number}", f"h{number}", "", 1, 0)


@pytest.mark.parametrize("dependency", [Dependency.SES, Dependency.S3])
def test_if_mail_has_a_place_to_go_all_comes_in_while_only_mail_waits(
    world: World, dependency: Dependency
) -> None:
    """The bounces among it need neither."""
    world.fail(dependency)
    allowed = [world.gate.allow(WANTED, has_overflow=True) for _ in range(2)]
    assert allowed == [Allowed(WANTED, 1), Allowed(WANTED, 0)]


@pytest.mark.parametrize("dependency", [Dependency.DATABASE, Dependency.CONFIGURATION])
def test_while_feedback_waits_too_one_message_comes_in_all_the_same(
    world: World, dependency: Dependency
) -> None:
    world.fail(Dependency.SES)
    world.fail(dependency)
    allowed = [world.gate.allow(WANTED, has_overflow=True) for _ in range(2)]
    assert allowed == [Allowed(1, 1), Allowed(0, 0)]


def test_what_can_t_be_judged_has_no_place_to_go(world: World) -> None:
    world.own.open(CERTIFICATE_MISSING)
    assert world.gate.allow(WANTED, has_overflow=True) == Allowed(1, 1)


def test_while_all_is_well_every_mail_may_be_dispatched(world: World) -> None:
    assert world.gate.allow(WANTED, has_overflow=True) == Allowed(WANTED)


@pytest.mark.parametrize("has_overflow", [True, False])
def test_while_receiving_is_paused_nothing_comes_in(world: World, has_overflow: bool) -> None:
    world.pause(Action.PAUSE_RECEIVING)
    assert world.gate.allow(WANTED, has_overflow=has_overflow) == Allowed(0, 0)


def test_while_sending_is_paused_no_mail_is_dispatched(world: World) -> None:
    world.pause(Action.PAUSE_SENDING)
    assert world.gate.allow(WANTED) == Allowed(0, 0)


def test_while_sending_is_paused_feedback_comes_in_if_mail_has_a_place_to_go(world: World) -> None:
    world.pause(Action.PAUSE_SENDING)
    assert world.gate.allow(WANTED, has_overflow=True) == Allowed(WANTED, 0)
    world.own.open(CERTIFICATE_MISSING)
    assert world.gate.allow(WANTED, has_overflow=True) == Allowed(0, 0)


def test_when_the_pause_is_ended_all_comes_in_again(world: World) -> None:
    world.pause(Action.PAUSE_SENDING)
    world.gate.allow(WANTED)
    (control,) = world.controls.find_all()
    world.controls.end(control.id, by="ann", now_ms=control.since_ms + 1)
    world.now += 1
    assert world.gate.allow(WANTED) == Allowed(WANTED)
