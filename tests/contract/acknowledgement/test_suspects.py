"""A message whose worker died runs alone in its process: others must not die with it again."""

import threading
from collections.abc import Callable

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker

from bridge.ledger import keys
from emails import wire
from tests.contract.acknowledgement.conftest import MAX_DELIVERIES, Enqueue
from tests.ledger import Ledger

SUSPECTS = 3


class Beside:
    """An actor that notes how many run at once."""

    def __init__(self, broker: RedisBroker) -> None:
        self.running, self.most, self._both = 0, 0, threading.Event()
        dramatiq.actor(actor_name="act", broker=broker, queue_name=wire.INBOUND_QUEUE)(self)

    def __call__(self) -> None:
        self.running += 1
        self.most = max(self.most, self.running)
        if self.running == 2:
            self._both.set()
        self._both.wait(0.2)
        self.running -= 1


def test_those_that_died_together_run_one_at_a_time(
    broker: RedisBroker,
    ledger: Ledger,
    redis_client: redis.Redis,
    enqueue: Enqueue,
    work: Callable[[], None],
) -> None:
    actor = Beside(broker)
    for number in range(SUSPECTS):
        redis_client.set(keys.attempts(f"m{number}"), MAX_DELIVERIES - 1)
        enqueue(f"m{number}")

    work()

    assert actor.most == 1
    taken = ledger.acknowledgements.take("mail", 10, 0.1)
    assert [one.succeeded for one in taken] == [True] * SUSPECTS


def test_messages_that_met_no_death_run_beside_each_other(
    broker: RedisBroker, enqueue: Enqueue, work: Callable[[], None]
) -> None:
    actor = Beside(broker)
    for number in range(2):
        enqueue(f"m{number}")

    work()

    assert actor.most == 2
