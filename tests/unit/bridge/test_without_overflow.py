"""Without an overflow queue, mail over a share waits in the bridge; feedback behind it doesn't."""

from collections.abc import Sequence

import pytest
from redis.exceptions import RedisError

from bridge.ledger.dispatch import Dispatcher
from bridge.look_behind import EMPTY_SECONDS, LOOK_SECONDS, MOST_SAVED_SECONDS
from bridge.messages import Handle
from bridge.ports import EntryFailed
from emails.wire import BULK_QUEUE, INBOUND_QUEUE
from tests.unit.bridge.lane_world import BOUNCE, PLACES, PLACES_ASIDE, SHARE, World, a_mail

IN_FLIGHT = 160
"""How many mails of one lane may be in flight, back from waiting."""


@pytest.fixture
def world() -> World:
    return World(has_overflow=False)


def look(world: World, times: int) -> None:
    """Poll as often as the bridge may look behind what it keeps."""
    for _ in range(times):
        world.poll()
        world.now += LOOK_SECONDS


def use_up_saved_looks(world: World) -> None:
    while world.poller.demand(10):
        pass


def test_what_finds_no_place_is_set_aside_and_shown_when_places_are_free(world: World) -> None:
    world.put(250)
    look(world, 60)
    assert (world.queued(INBOUND_QUEUE), world.queued(BULK_QUEUE)) == (2, IN_FLIGHT - 2)
    assert len(world.waiting) == PLACES
    assert len(world.waiting.aside) == 250 - IN_FLIGHT - PLACES
    assert world.main.count().visible == 0

    world.end_all(BULK_QUEUE)
    look(world, 40)

    assert world.queued(BULK_QUEUE) == 250 - IN_FLIGHT
    assert world.waiting.is_empty


def test_a_bounce_and_others_mail_behind_more_than_may_wait_are_dispatched(world: World) -> None:
    world.put(300)
    world.put(1, BOUNCE)
    world.put(1, a_mail("innocent@masks.example"))

    look(world, 60)

    assert world.queued("feedback") == 1
    assert world.queued(INBOUND_QUEUE) == 3
    assert world.all_left() == 302


def test_while_all_places_are_taken_a_batch_is_received_now_and_then(world: World) -> None:
    world.put(300)
    look(world, 30)
    use_up_saved_looks(world)
    world.now += LOOK_SECONDS
    assert world.poller.demand(10) == 10
    assert world.poller.demand(10) == 0
    world.now += LOOK_SECONDS
    assert world.poller.demand(10) == 10


def test_what_comes_all_at_once_is_looked_through_without_a_pause_but_for_its_end(
    world: World,
) -> None:
    """A bounce behind it waits no longer than it takes to receive all of it."""
    batches = int(MOST_SAVED_SECONDS / LOOK_SECONDS)
    world.put(10 * batches + 50)

    world.poll(batches + 10)
    assert world.main.count().visible == 50

    world.now += 2 * MOST_SAVED_SECONDS
    world.poll(batches)
    assert world.main.count().visible == 0


def test_while_workers_take_mails_fast_enough_no_batch_is_received_without_places(
    world: World,
) -> None:
    """Looking would cost them more than the feedback behind the mails gains."""
    world.put(600)
    look(world, 40)
    use_up_saved_looks(world)
    aside = len(world.waiting.aside)

    for _ in range(20):
        world.end(BULK_QUEUE, 10)
        world.poll(2)
        world.now += LOOK_SECONDS / 2

    assert len(world.waiting.aside) <= aside + 10, "no more than the batch that was due"


def test_while_mail_waits_and_sqs_has_no_more_it_is_asked_now_and_then(world: World) -> None:
    world.put(SHARE + 1)
    world.poll(4)
    assert world.poller.demand(10) == 10
    world.poller.cycle(10)
    assert world.poller.demand(10) == 0
    world.now += EMPTY_SECONDS
    assert world.poller.demand(10) == 10


def test_beyond_what_may_be_set_aside_nothing_is_received(world: World) -> None:
    world.put(IN_FLIGHT + PLACES + PLACES_ASIDE + 50)
    look(world, 100)
    assert len(world.waiting.aside) == PLACES_ASIDE
    assert world.main.count().visible == 50
    assert world.poller.demand(10) == 0


def test_what_is_received_again_while_set_aside_is_not_shown(world: World) -> None:
    world.put(200)
    look(world, 60)
    aside = len(world.waiting.aside)
    assert aside > 0

    world.main.pass_time(31)
    world.poller.cycle(10)

    assert len(world.waiting.aside) == aside


def test_what_is_set_aside_stays_hidden_and_for_longer_each_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put(200)
    look(world, 60)
    change, asked = world.main.change_visibility, list[int]()

    def note(handles: Sequence[Handle], seconds: int) -> list[EntryFailed]:
        asked.extend([seconds] * len(handles))
        return change(handles, seconds)

    monkeypatch.setattr(world.main, "change_visibility", note)
    for _ in range(80):
        world.now += 29
        world.main.pass_time(29)
        world.waiting.aside.keep_hidden()
        assert world.main.count().visible <= 200 - len(world.waiting.aside)

    aside = len(world.waiting.aside)
    assert aside == 200 - IN_FLIGHT - PLACES
    assert asked == [seconds for seconds in (60, 120, 240, 480, 900, 900) for _ in range(aside)]


def test_what_is_set_aside_is_let_go_before_sqs_shows_it_and_released_at_the_end(
    world: World,
) -> None:
    world.put(200)
    look(world, 60)
    aside = len(world.waiting.aside)
    assert world.waiting.aside.find_oldest_ms() == world.waiting.find_oldest_ms()
    world.waiting.aside.release_all()
    assert (len(world.waiting.aside), world.main.count().visible) == (0, aside)

    look(world, 60)
    assert len(world.waiting.aside) == aside
    world.now += 12 * 3600
    world.waiting.keep_hidden()
    assert (len(world.waiting.aside), len(world.waiting)) == (0, 0)
    assert world.main.count().visible == aside + PLACES


def test_what_waits_is_dispatched_in_order_when_there_is_room(world: World) -> None:
    world.put(SHARE + 5)
    world.poll(4)
    assert len(world.waiting) == 5
    assert world.lanes.count_behind() == 5

    assert world.poller.retry() == 5

    assert world.queued(BULK_QUEUE) == SHARE + 3
    assert (len(world.waiting), world.lanes.count_behind()) == (0, 0)


def test_what_waits_stays_hidden_and_is_released_at_the_end(world: World) -> None:
    world.put(SHARE + 5)
    world.poll(4)
    world.main.pass_time(20)
    world.waiting.keep_hidden()
    world.main.pass_time(20)
    visible = world.main.count().visible
    assert visible == SHARE, "what is in flight is not this part's to keep hidden"

    world.waiting.release_all()
    assert world.main.count().visible == visible + 5
    assert len(world.waiting) == 0


def test_what_waited_for_as_long_as_sqs_hides_it_is_let_go(world: World) -> None:
    world.put(SHARE + 1)
    world.poll(4)
    world.now += 12 * 3600
    world.waiting.keep_hidden()
    assert (len(world.waiting), world.main.count().visible) == (0, 1)


def test_what_another_bridge_has_received_waits_here_no_longer(world: World) -> None:
    world.put(SHARE + 1)
    world.poll(4)
    world.main.pass_time(31)
    world.waiting.keep_hidden()
    assert len(world.waiting) == 0


def test_if_redis_takes_nothing_what_waits_waits_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put(SHARE + 3)
    world.poll(4)

    def fail(*_: object, **__: object) -> None:
        raise RedisError

    monkeypatch.setattr(Dispatcher, "dispatch", fail)
    with pytest.raises(RedisError):
        world.poller.retry()
    assert len(world.waiting) == 3
