"""A message is carried out and deleted, and nothing of it is left, whoever stands still, and when.

There is room for one, so that a charge that outlived its message would keep it out for ever.

The bridges and workers here take one step when they are told to, so each may stand still between
any two, for as long as it likes. What they do in Redis is the real thing: our scripts, and
Dramatiq's. Who takes a step next, and what breaks, is drawn from a seed.
"""

import uuid
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from random import Random

import dramatiq
import pytest
import redis
from dramatiq.common import dq_name

from bridge.ledger import keys
from bridge.ledger.dead_letters import DeadLetters, Requeue
from bridge.ledger.dispatch import Dispatched
from bridge.ledger.keys import NAMESPACE
from bridge.messages import MAX_HIDDEN_SECONDS, Handle
from bridge.ports import QueueCounts
from bridge.visibility import Leases
from emails import wire
from relay.worker.broker import broker_on
from tests.fake_queue import FakeQueue
from tests.ledger import NOW_MS, a_ledger, a_visibility, put_in_flight

SEEDS = range(100)
STEPS = 40
EVENTS = 0.1
"""How often something happens that is nobody's next step."""

VISIBILITY_SECONDS = 120

ID = "message-1"
QUEUE, DELAYED = wire.INBOUND_QUEUE, dq_name(wire.INBOUND_QUEUE)
ENDS = ("success", "refusal", "retry")

Steps = Iterator[None]
Action = Callable[[], object]


class Bridge:
    def __init__(self, world: "World") -> None:
        self._world, self._name, self._held = world, uuid.uuid4().hex, Leases()
        self.beat = a_visibility(
            world.sqs,
            world.client,
            self._held,
            bridge=self._name,
            visibility_seconds=VISIBILITY_SECONDS,
        ).beat

    def seem_dead(self) -> None:
        self._world.client.delete(keys.bridge(self._name))

    def poll(self) -> Steps:
        (message,) = self._world.sqs.receive(1)
        handle = Handle(message.message_id, message.receipt_handle)
        yield
        handed = put_in_flight(
            *(self._world.client, handle), bridge=self._name, max_in_flight=1, lanes=("lane",)
        )
        yield
        if handed is Dispatched.DONE:
            self._world.delete([handle])
        elif handed is Dispatched.FAILED:
            self._world.hide([handle])
        else:
            self._held.add(handle)

    def delete(self) -> Steps:
        taken = self._world.ledger.acknowledgements.take("mail", 10, 0.01)
        yield
        self._world.delete([one.handle for one in taken if one.succeeded])
        self._world.hide([one.handle for one in taken if not one.succeeded])


class Worker:
    """Its steps are those of Dramatiq with our middleware, and in their order."""

    def __init__(self, world: "World") -> None:
        self._world, self._broker = world, broker_on(world.client)

    def run(self, end: str) -> Steps:
        for copy, message in self._fetch(QUEUE):
            end = "success" if self._world.was_sent else end
            yield
            if end == "retry":
                yield from self._enqueue(message, DELAYED)
                self._broker.do_ack(QUEUE, copy)
                return
            is_success = end == "success"
            self._world.was_sent |= is_success
            yield
            self._world.ledger.acknowledgements.acknowledge(
                ID,
                actor_queue=QUEUE,
                failure=None if is_success else end,
                dead_letter_id="" if is_success else copy,
            )
            yield
            (self._broker.do_ack if is_success else self._broker.do_nack)(QUEUE, copy)

    def end_delay(self) -> Steps:
        for copy, message in self._fetch(DELAYED):
            yield
            yield from self._enqueue(message, QUEUE)
            self._broker.do_ack(DELAYED, copy)

    def seem_dead(self) -> None:
        self._world.client.zadd(f"{NAMESPACE}:__heartbeats__", {self._broker.broker_id: 1})

    def _fetch(self, queue: str) -> Iterator[tuple[str, dramatiq.Message[None]]]:
        for fetched in filter(None, self._broker.do_fetch(queue, 1)):
            message = dramatiq.Message.decode(fetched)
            yield message.options["redis_message_id"], message

    def _enqueue(self, message: dramatiq.Message[None], queue: str) -> Steps:
        copy = str(uuid.uuid4())
        message = message.copy(queue_name=queue, options={"redis_message_id": copy})
        self._broker.do_enqueue(queue, copy, message.encode())
        yield
        self._world.ledger.in_flight.note_queue_entry(ID, entry_id=copy, queue=queue)
        yield


class World:
    """SQS, an empty Redis, two bridges and two workers; `under_way` is who is between two steps."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        self.ledger, self.sqs = a_ledger(self.client), FakeQueue()
        self.sqs.put("a mail", ID)
        self.was_sent = self.was_wiped = False
        self.bridges, self.workers = [Bridge(self), Bridge(self)], [Worker(self), Worker(self)]
        self.under_way: list[tuple[Bridge | Worker, Steps]] = []

    def delete(self, handles: Sequence[Handle]) -> None:
        assert self.was_sent or not handles, "deleted, and not carried out"
        self.sqs.delete(handles)

    def hide(self, handles: Sequence[Handle]) -> None:
        self.sqs.change_visibility(handles, MAX_HIDDEN_SECONDS)

    def requeue(self) -> None:
        """Requeue the dead letters, as an operator does."""
        letters = DeadLetters(self.client, lifetime_seconds=60)
        places = list(letters.places(QUEUE))
        requeues = []
        for place, stored in zip(places, letters.messages(places), strict=True):
            assert stored is not None
            new = str(uuid.uuid4())
            message = dramatiq.Message.decode(stored).copy(options={"redis_message_id": new})
            requeues.append(Requeue(place, new, message.encode(), ID))
        letters.requeue(requeues, NOW_MS)

    def steps(self) -> Iterator[Action]:
        """List the next steps of those under way, and what may be begun."""
        is_acknowledged = self.ledger.acknowledgements.count("mail") > 0
        is_queued, is_delayed = (self.client.llen(keys.queue(one)) for one in (QUEUE, DELAYED))
        yield from (partial(self._go_on, one) for one in self.under_way)
        for bridge in self.bridges:
            if self.sqs.count().visible:
                yield partial(self._begin, bridge, bridge.poll())
            if is_acknowledged:
                yield partial(self._begin, bridge, bridge.delete())
        for worker in self.workers:
            if is_queued:
                yield from (partial(self._begin, worker, worker.run(end)) for end in ENDS)
            if is_delayed:
                yield partial(self._begin, worker, worker.end_delay())

    def events(self) -> Iterator[Action]:
        """List what may happen at any time."""
        yield from (partial(self.sqs.pass_time, VISIBILITY_SECONDS), self._wipe, self.requeue)
        yield from (bridge.beat for bridge in self.bridges)
        everyone: list[Bridge | Worker] = [*self.bridges, *self.workers]
        yield from (one.seem_dead for one in everyone)
        yield from (partial(self._kill, bridge) for bridge in self.bridges)
        yield from (partial(self._kill, worker) for worker in self.workers)

    def check(self) -> None:
        """Check what holds at any time: who has a copy that will run is not taken for lost."""
        (entry,) = self.ledger.in_flight.find([ID])
        assert self.was_wiped or entry is None or not entry.is_lost, "taken for lost"

    def settle(self) -> None:
        """Let all be done that is still to be done, with nothing going wrong any more."""
        while self.under_way:
            self._go_on(self.under_way[0])
        for worker in tuple(self.workers):
            self._kill(worker)
        self._settle_rounds()
        if self.was_wiped:
            # Redis lost the dead letter of a message that SQS still hides.
            self.sqs.pass_time(MAX_HIDDEN_SECONDS)
            self._settle_rounds()

    def _settle_rounds(self) -> None:
        for _ in range(4):
            self.requeue()
            for bridge in self.bridges:
                bridge.beat()
            # Not as long as a beat hides for: what nobody keeps hidden comes again, in two rounds.
            self.sqs.pass_time(VISIBILITY_SECONDS - 1)
            # Whoever asks for messages gets those of the dead as well.
            list(self.workers[0].end_delay())
            list(self.workers[0].run("success"))
            while step := next(self.steps(), None):
                step()

    def _begin(self, who: Bridge | Worker, steps: Steps) -> None:
        self.under_way.append((who, steps))
        self._go_on(self.under_way[-1])

    def _go_on(self, one: tuple[Bridge | Worker, Steps]) -> None:
        if next(one[1], "ended") == "ended":
            self.under_way.remove(one)

    def _kill(self, who: Bridge | Worker) -> None:
        self.under_way = [one for one in self.under_way if one[0] is not who]
        who.seem_dead()
        if isinstance(who, Worker):
            self.workers = [Worker(self) if one is who else one for one in self.workers]
        else:
            self.bridges = [Bridge(self) if one is who else one for one in self.bridges]

    def _wipe(self) -> None:
        self.client.flushdb()
        self.was_wiped = True


@pytest.mark.parametrize("seed", SEEDS)
def test_a_message_is_carried_out_and_deleted_and_leaves_nothing(
    redis_client: redis.Redis, seed: int
) -> None:
    chance, world = Random(seed), World(redis_client)

    for _ in range(STEPS):
        possible = list(world.steps())
        if not possible or chance.random() < EVENTS:
            possible = list(world.events())
        chance.choice(possible)()
        world.check()
    world.settle()

    assert world.was_sent
    assert world.sqs.count() == QueueCounts(0, 0, 0)
    queues = [keys.queue(QUEUE), keys.queue(DELAYED), keys.dead_letters(QUEUE)]
    for bridge in world.bridges:
        bridge.beat()
    assert world.client.hgetall(keys.CLASSES).keys() <= {b"express"}
    assert world.client.hget(keys.CLASSES, "express") in (None, b"0")
    left = world.client.exists(
        keys.IN_FLIGHT, keys.CHARGES, keys.LANES, *queues, *map(keys.messages_of, queues)
    )
    assert left == 0
