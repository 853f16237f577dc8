"""A backlog to one mask keeps the workers busy until it is gone.

What waits in the bridge, or is set aside, is no use to workers that have nothing to do.
"""

import pytest

from bridge.messages import Message
from emails.wire import BULK_QUEUE, INBOUND_QUEUE
from tests.fake_queue import FakeQueue
from tests.unit.bridge.lane_world import OverflowQueue, World

BACKLOG = 600
ENDED_IN_A_CYCLE, CYCLE_SECONDS = 3, 0.05
CYCLES_TO_START = 3


class Counts(FakeQueue):
    """Counts the receives of each message, and the times when a receive waited for one in vain."""

    def __init__(self) -> None:
        super().__init__(wait_seconds=0)
        self.receives: dict[str, int] = {}
        self.waited_in_vain = 0

    def receive(self, max_messages: int, *, waits: bool = True) -> list[Message]:
        messages = super().receive(max_messages, waits=waits)
        self.receives |= {one.message_id: one.receive_count for one in messages}
        self.waited_in_vain += waits and not messages
        return messages


class CountingOverflow(Counts, OverflowQueue):
    """The same of the overflow queue."""


@pytest.mark.parametrize(("has_overflow", "most_receives"), [(False, 2), (True, 1)])
def test_workers_always_have_something_to_do(has_overflow: bool, most_receives: int) -> None:
    main, overflow = Counts(), CountingOverflow()
    world = World(has_overflow=has_overflow, main=main, overflow=overflow)
    world.put(BACKLOG)

    left, ended = BACKLOG, list[int]()
    while left:
        world.poll()
        assert world.waiting.is_empty or not main.waited_in_vain
        if demand := world.of_overflow.demand(10):
            world.of_overflow.cycle(demand)
        ended.append(end_some(world))
        left -= ended[-1]
        assert ended[-1] == min(ENDED_IN_A_CYCLE, left + ended[-1]) or len(ended) < CYCLES_TO_START

    assert max([*main.receives.values(), *overflow.receives.values()]) <= most_receives
    assert world.all_left() == 0


def end_some(world: World) -> int:
    """Let workers end some of what is in flight, and delete it; gives how many. Time passes."""
    ended = world.end(INBOUND_QUEUE, ENDED_IN_A_CYCLE)
    ended += world.end(BULK_QUEUE, ENDED_IN_A_CYCLE - ended)
    for queue in (world.main, world.overflow):
        taken = world.ledger.acknowledgements.take(queue.queue_name, 100, 0.001)
        queue.delete([one.handle for one in taken])
        queue.pass_time(CYCLE_SECONDS)
    world.now += CYCLE_SECONDS
    return ended
