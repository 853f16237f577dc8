"""Whatever happens while mail moves to the overflow and back: none is lost, no lane stays charged.

One bridge, its overflow queue and one worker take steps in an order drawn from a seed. Between two
of them the bridge is killed before or after it sent to the overflow queue, that queue is away or
refuses some, Redis is wiped or loses the workers' queues, or a visibility timeout passes. After
each step what is in flight is charged, and once: no room is given twice, or kept by what is gone.
"""

import json
from collections.abc import Callable
from random import Random
from typing import cast

import dramatiq
import pytest

from bridge.ledger import keys
from emails.wire import BULK_QUEUE, INBOUND_QUEUE
from tests.seals import SEALS
from tests.unit.bridge.lane_world import SHARE, World, a_mail

SEEDS = range(8)
STEPS = 40
LANES = ["flood", "flood", "flood", "other", "third"]


class Killed(BaseException):
    """The bridge is gone: nothing of it catches this."""


class Run:
    """A world, and what was put into it and carried out, each by the mask it is for."""

    def __init__(self, seed: int) -> None:
        self.random, self.world = Random(seed), World()
        self.put: set[str] = set()
        self.settled: set[str] = set()
        self.killed = 0

    def arrive(self) -> None:
        self.put_in(self.random.choice(LANES), self.random.choice([1, 3, 20]))

    def put_in(self, lane: str, number: int) -> None:
        for _ in range(number):
            mask = f"{lane}+{len(self.put)}@masks.example"
            self.put.add(mask)
            self.world.put(1, a_mail(mask))

    def poll(self) -> None:
        self._alive(self.world.poll)

    def poll_overflow(self) -> None:
        def cycle() -> None:
            if demand := self.world.of_overflow.demand(10):
                self.world.of_overflow.cycle(demand)

        self._alive(cycle)

    def work(self, most: int = 10) -> None:
        """Carry out some of what is in the workers' queues. Running one twice is harmless."""
        client, acknowledgements = self.world.ledger.client, self.world.ledger.acknowledgements
        for queue in (INBOUND_QUEUE, BULK_QUEUE):
            for entry in client.lrange(f"relay:{queue}", 0, most - 1):
                client.lpop(f"relay:{queue}")
                stored = cast("bytes", client.hget(f"relay:{queue}.msgs", entry))
                message: dramatiq.Message[None] = dramatiq.Message.decode(stored)
                client.hdel(f"relay:{queue}.msgs", entry)
                message_id = message.options["sqs_message_id"]
                body = json.loads(SEALS.open(message.kwargs["envelope"], message_id))
                self.settled |= set(json.loads(body["Message"])["receipt"]["recipients"])
                acknowledgements.acknowledge(message_id, actor_queue=queue, failure=None)

    def delete(self) -> None:
        for queue in (self.world.main, self.world.overflow):
            taken = self.world.ledger.acknowledgements.take(queue.queue_name, 100, 0.001)
            queue.delete([one.handle for one in taken])

    def beat(self) -> None:
        """As the heartbeat does."""
        in_flight = self.world.ledger.in_flight
        in_flight.drop_lost(in_flight.find_all())
        in_flight.settle_charges()

    def check_charges(self) -> None:
        client = self.world.ledger.client
        charged = cast("list[bytes]", client.hkeys(keys.CHARGES))
        assert set(charged) == set(cast("list[bytes]", client.zrange(keys.IN_FLIGHT, 0, -1)))
        assert sum(map(int, cast("list[bytes]", client.hvals(keys.CLASSES)))) == len(charged)

    def pass_time(self) -> None:
        self.world.now += 31
        for queue in (self.world.main, self.world.overflow):
            queue.pass_time(31)

    def break_something(self) -> None:
        overflow = self.world.overflow
        match self.random.choice(["kill", "away", "refuse", "wipe", "lose", "time"]):
            case "kill":
                self.kill_at_next_move(has_sent=self.random.random() < 0.5)
            case "away":
                overflow.is_away = True
            case "refuse":
                overflow.refuses = 3
            case "wipe":
                self.world.ledger.client.flushdb()
            case "lose":
                for queue in (INBOUND_QUEUE, BULK_QUEUE):
                    self.world.ledger.client.delete(f"relay:{queue}", f"relay:{queue}.msgs")
            case _:
                self.pass_time()

    def kill_at_next_move(self, *, has_sent: bool) -> None:
        def kill() -> None:
            raise Killed

        if has_sent:
            self.world.overflow.after_send = kill
        else:
            self.world.overflow.before_send = kill

    def mend(self) -> None:
        overflow = self.world.overflow
        overflow.is_away, overflow.refuses = False, 0
        overflow.before_send = overflow.after_send = lambda: None

    def _alive(self, step: Callable[[], object]) -> None:
        try:
            step()
        except Killed:
            self.killed += 1
            self.mend()
            self.world.__post_init__()  # another bridge, which knows nothing


@pytest.mark.parametrize("seed", SEEDS)
def test_no_mail_is_lost_and_no_lane_stays_charged(seed: int) -> None:
    run = Run(seed)
    run.put_in("flood", SHARE + 15)
    for killed, has_sent in enumerate((False, True), 1):
        run.kill_at_next_move(has_sent=has_sent)
        for _ in range(4):
            run.poll()
        assert run.killed == killed
        run.pass_time()
    steps = [run.arrive, run.poll, run.poll, run.poll_overflow, run.work, run.delete, run.beat]
    for _ in range(STEPS):
        run.random.choice([*steps, run.break_something, run.mend])()
        run.check_charges()

    run.mend()
    for _ in range(200):
        for step in (run.poll, run.poll_overflow, run.work, run.delete):
            step()
        if run.world.all_left() == 0:
            break
        run.pass_time()

    world, client = run.world, run.world.ledger.client
    assert world.all_left() == 0
    assert run.settled == run.put
    run.poll_overflow()
    assert world.lanes.find_busiest(10) == []
    assert client.hlen(keys.CHARGES) == 0
    assert set(client.hvals(keys.CLASSES)) <= {b"0"}
