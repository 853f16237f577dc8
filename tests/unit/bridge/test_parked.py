"""Messages that can't be judged now: parked, kept hidden, judged again, released."""

import pytest

from bridge.parking import Parking
from tests.fake_queue import FakeQueue
from tests.unit.bridge.parking_world import VISIBILITY_SECONDS, World


def test_while_the_host_is_down_messages_are_kept_hidden_and_received_once(world: World) -> None:
    world.is_host_up = False
    world.deliver(30)

    world.pass_time(3600)

    assert (world.queue.count().visible, world.receive_counts()) == (0, {1})
    assert world.open() == {"certificates": "TimeoutError"}


def test_when_the_host_is_back_all_are_dispatched_without_being_received_again(
    world: World,
) -> None:
    world.is_host_up = False
    world.deliver(30)
    world.pass_time(60)
    world.is_host_up = True

    world.pass_time(2)

    assert world.ledger.in_flight.count(0) == 30
    assert (len(world.parking), world.receive_counts(), world.open()) == (0, {1}, {})


def test_parked_messages_are_judged_every_two_seconds(world: World) -> None:
    world.is_host_up = False
    world.deliver(1)
    world.fetches = 0

    for _ in range(20):
        world.now += 0.5
        world.poller.judge_parked()

    assert world.fetches == 5


def test_only_as_many_are_parked_as_there_are_places() -> None:
    world = World(places=15)
    world.is_host_up = False

    world.deliver(20)

    assert (len(world.parking), world.parking.free) == (15, 0)
    world.pass_time(VISIBILITY_SECONDS)
    assert world.queue.count().visible == 5


def test_never_more_than_a_hundred_are_parked() -> None:
    assert Parking(FakeQueue(), visibility_seconds=30, places=100_000).free == 100


def test_messages_for_which_there_is_no_room_in_flight_stay_parked() -> None:
    world = World()
    world.is_host_up = False
    world.deliver(30)
    reserve = world.ledger.reservations.reserve
    reserve(90, bridge="b2", at_most=100, now_ms=10**15, seconds=60)
    world.is_host_up = True

    world.pass_time(2)

    assert (world.ledger.in_flight.count(0), len(world.parking)) == (10, 20)


def test_what_is_parked_is_released_at_the_stop(world: World) -> None:
    world.is_host_up = False
    world.deliver(30)

    world.parking.release_all()

    assert (world.queue.count().visible, len(world.parking)) == (30, 0)


def test_a_release_that_fails_raises_nothing(world: World) -> None:
    world.is_host_up = False
    world.deliver(1)
    world.queue.is_away = True

    world.parking.release_all()

    assert len(world.parking) == 0


@pytest.mark.slow
def test_what_sqs_would_show_soon_anyway_is_released_and_received_again(world: World) -> None:
    """It hides nothing for longer than twelve hours."""
    world.is_host_up = False
    world.deliver(1)

    world.pass_time(11 * 3600)

    assert (world.queue.count().visible, len(world.parking)) == (1, 0)


def test_what_became_visible_is_not_parked_any_more(world: World) -> None:
    """Another bridge has it, or will have it."""
    world.is_host_up = False
    world.deliver(1)
    world.queue.pass_time(VISIBILITY_SECONDS)

    world.parking.keep_hidden()

    assert len(world.parking) == 0


def test_what_is_received_again_is_parked_once_with_its_newer_handle(world: World) -> None:
    world.is_host_up = False
    world.deliver(1)
    world.queue.pass_time(VISIBILITY_SECONDS)
    world.poller.cycle(10)

    world.parking.keep_hidden()
    world.queue.pass_time(VISIBILITY_SECONDS - 1)

    assert (world.queue.count().visible, len(world.parking)) == (0, 1)
