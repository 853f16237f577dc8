"""Where mail goes for which there is no room, and that nothing is lost on the way."""

from collections import Counter
from collections.abc import Callable, Sequence

import dramatiq
import pytest
from markus.testing import MetricsMock

from bridge.by_lane import whole_batch
from bridge.dispositions import Disposition
from bridge.ledger.dispatch import Work
from bridge.ledger.story import find_events
from bridge.messages import Handle, Message
from bridge.overflow import RETRY_SECONDS
from bridge.ports import EntryFailed
from emails.wire import BULK_QUEUE, INBOUND_QUEUE
from tests.fake_queue import FakeQueue
from tests.unit.bridge.lane_world import (
    BOUNCE,
    ENQUEUED,
    MOST,
    MOVING,
    PLACES,
    SHARE,
    World,
    a_mail,
)


class WatchedQueue(FakeQueue):
    """Notes how many messages are asked for, and whether the call waits for them."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[int, bool]] = []

    def receive(self, max_messages: int, *, waits: bool = True) -> list[Message]:
        self.asked.append((max_messages, waits))
        return super().receive(max_messages, waits=waits)


A_MESSAGE: dramatiq.Message[None] = dramatiq.Message(INBOUND_QUEUE, "act", (), {}, {})


def _text(octets: bytes | str) -> str:
    return octets if isinstance(octets, str) else octets.decode()


@pytest.fixture
def world() -> World:
    return World()


def test_what_is_over_a_lane_s_share_moves_to_the_overflow_queue(world: World) -> None:
    world.put(50)
    world.put(1, a_mail("innocent@masks.example"))

    assert world.poll(6) == {ENQUEUED: SHARE + 1, MOVING: 20}

    assert (world.queued(INBOUND_QUEUE), world.queued(BULK_QUEUE)) == (3, 28)
    assert world.main.count().not_visible == SHARE + 1
    assert world.overflow.count().visible == 20
    assert world.lanes.count_behind() == 20


def test_a_move_is_told_before_the_message_is_deleted() -> None:
    """A bridge may die in between: then nobody would know of the message's id."""
    told_at_delete: list[set[str]] = []

    class Deleting(FakeQueue):
        def delete(self, handles: Sequence[Handle]) -> list[EntryFailed]:
            told = {one.sqs_message_id for one in find_events(watched.ledger.client)}
            told_at_delete.append({one.message_id for one in handles} - told)
            return super().delete(handles)

    watched = World(main=Deleting())
    watched.put(50)
    watched.poll(6)

    assert told_at_delete == [set(), set()]


def test_a_moved_message_keeps_its_body_and_its_age(world: World) -> None:
    body = a_mail()
    world.put(30)
    world.main.pass_time(7)
    world.put(1, body)
    world.poll(4)

    (moved,) = world.overflow.receive(10)
    assert (moved.body, moved.sent_at_ms) == (body, 7000)


def test_what_comes_back_is_bulk_and_gets_what_there_is_room_for(world: World) -> None:
    world.put(250)
    world.poll(25)
    assert world.overflow.count().visible == 220

    cycles = 0
    while demand := world.of_overflow.demand(10):
        world.of_overflow.cycle(demand)
        cycles += 1
    assert (cycles, world.queued(INBOUND_QUEUE), world.queued(BULK_QUEUE)) == (13, 2, 158)

    world.end_all(BULK_QUEUE)
    assert world.of_overflow.demand(10) == 10
    assert world.all_left() == 250


def test_what_comes_back_is_received_by_whole_batches(world: World) -> None:
    """A call for one mail costs as much as for ten, and places get free one by one."""
    world.put(250)
    world.poll(25)
    while demand := world.of_overflow.demand(10):
        world.of_overflow.cycle(demand)

    world.end(BULK_QUEUE, SHARE - 2)
    assert world.lanes.find_bulk_room(MOST) == 8
    assert world.of_overflow.demand(10) == 0
    world.end(BULK_QUEUE, 2)
    assert world.of_overflow.demand(10) == 10


@pytest.mark.parametrize(
    ("room", "max_in_flight", "received"),
    [(9, 200, 0), (10, 200, 10), (30, 200, 10), (4, 100, 0), (5, 100, 5), (1, 20, 1), (0, 1, 0)],
)
def test_what_comes_back_never_waits_for_more_room_than_it_is_sure_to_get(
    room: int, max_in_flight: int, received: int
) -> None:
    assert whole_batch(10, room, max_in_flight) == received


def test_what_is_back_before_its_move_has_ended_is_behind_no_lane(world: World) -> None:
    world.overflow.after_send = lambda: world.of_overflow.cycle(world.of_overflow.demand(10))
    world.put(SHARE + 10)

    assert world.poll(4) == {ENQUEUED: SHARE, MOVING: 10}

    assert world.queued(BULK_QUEUE) == SHARE - 2 + 10
    assert world.lanes.count_behind() == 0


def test_a_long_poll_stays_one_while_mails_are_being_moved() -> None:
    """Otherwise a bridge would ask an empty queue again and again until they have moved."""
    moves: list[Callable[[], None]] = []
    world = World(main=(main := WatchedQueue()), submit=moves.append)
    world.put(SHARE + 10)
    assert world.poll(4) == {ENQUEUED: SHARE, MOVING: 10}

    world.poll(2)

    assert main.asked == [(10, True)] * 6
    for move in moves:
        move()
    assert world.overflow.count().visible == 10


def test_no_more_is_received_than_may_be_moved_at_once() -> None:
    moves: list[Callable[[], None]] = []
    world = World(submit=moves.append)
    world.put(SHARE + 300)
    world.poll(3)

    while demand := world.poller.demand(40):
        world.poller.cycle(demand)

    assert world.main.count().visible == 300 - 200
    moves.pop()()
    assert world.poller.demand(40) == 40


def test_what_neither_moves_nor_finds_a_place_is_set_aside_and_behind_no_lane(
    world: World,
) -> None:
    world.overflow.is_away = True
    world.put(SHARE + 10)
    world.poll(3)
    demand = world.poller.demand(10)
    for number in range(PLACES):
        world.waiting.add(Work(Handle(f"other-{number}", "handle"), A_MESSAGE))

    with MetricsMock() as metrics:
        world.poller.cycle(demand)

    assert world.lanes.count_behind() == 0
    assert (len(world.waiting.aside), world.main.count().visible) == (10, 0)
    assert taken(metrics) == {"result:set_aside": 10}


def test_totals_and_metrics_count_what_became_of_moved_messages(world: World) -> None:
    world.overflow.refuses = 3
    world.put(SHARE + 10)
    with MetricsMock() as metrics:
        world.poll(4)
    assert taken(metrics) == {"result:enqueued": SHARE, "result:overflowed": 7, "result:waiting": 3}


def taken(metrics: MetricsMock) -> dict[str, int]:
    found: Counter[str] = Counter()
    for one in metrics.filter_records("incr", "bridge.taken"):
        found[one.tags[0]] += one.value
    return found


def test_an_empty_overflow_queue_makes_every_lane_a_new_one(world: World) -> None:
    world.lanes.note_behind(["flood"])
    world.of_overflow.cycle(10)
    assert world.lanes.count_behind() == 0


@pytest.mark.parametrize("refuses", [0, 3])
def test_what_the_overflow_queue_does_not_take_waits_hidden_and_moves_later(
    world: World, refuses: int
) -> None:
    world.put(40)
    world.overflow.is_away, world.overflow.refuses = refuses == 0, refuses

    found = world.poll(4)

    assert found == {ENQUEUED: 30, MOVING: 10}
    assert len(world.waiting) == (refuses or 10)
    assert world.all_left() == 40

    world.overflow.is_away, world.overflow.refuses = False, 0
    world.now += RETRY_SECONDS
    world.poll()
    assert (len(world.waiting), world.overflow.count().visible) == (0, 10)
    assert world.all_left() == 40
    told = Counter(one.what for one in find_events(world.ledger.client))
    assert (told["waiting"], told["overflowed"]) == (refuses or 10, 10)


def test_a_bounce_behind_more_mail_than_there_is_room_for_is_found(world: World) -> None:
    for number in range(300):
        world.put(1, a_mail(f"mask{number}@masks.example"))
    world.put(1, BOUNCE)

    world.poll(31)

    assert world.queued("feedback") == 1
    assert world.queued(INBOUND_QUEUE) == 180


def test_while_mail_can_t_be_worked_on_it_moves_and_feedback_is_dispatched(world: World) -> None:
    world.put(9)
    world.put(1, BOUNCE)

    assert world.poll(most_mails=1) == {ENQUEUED: 2, MOVING: 8}


def test_a_wiped_redis_forgets_the_lanes_and_no_message(world: World) -> None:
    world.put(60)
    world.poll(6)
    world.ledger.client.flushdb()
    world.now += 60
    for _ in range(10):
        if demand := world.of_overflow.demand(10):
            world.of_overflow.cycle(demand)
    assert world.all_left() == 60
    assert world.queued(BULK_QUEUE) == 30


def test_what_failed_before_is_not_moved_while_no_mail_can_be_worked_on(world: World) -> None:
    """A copy has another id: it would run again, and fail again, with new delivery attempts."""
    world.put(1)
    world.poll()
    (entry,) = map(_text, world.ledger.client.lrange("relay:inbound", 0, -1))
    (message_id,) = world.ledger.in_flight.find_all()
    world.ledger.acknowledgements.acknowledge(
        message_id, actor_queue=INBOUND_QUEUE, failure="refused", dead_letter_id=entry
    )
    world.main.pass_time(31)

    assert world.poll(most_mails=0) == {Disposition.ALREADY_FAILED: 1}
    assert world.overflow.count().visible == 0
