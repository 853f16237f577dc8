"""Workers in this process, with the middleware that acknowledges to the bridge."""

from collections.abc import Callable, Iterator

import dramatiq
import pytest
import redis
from dramatiq.brokers.redis import RedisBroker

from bridge.messages import Handle
from emails import wire
from relay.worker.broker import broker_on
from relay.worker.encoder import Encoder
from relay.worker.middleware.acknowledge import Acknowledge
from relay.worker.middleware.dead_letter_note import DeadLetterNote
from relay.worker.middleware.delivery_limit import DeliveryLimit
from relay.worker.middleware.put_back import PutBack
from relay.worker.middleware.queue_entries import QueueEntries
from runtime.breakers import Breakers
from tests.ledger import Ledger, put_in_flight

MAX_DELIVERIES = 2


class Actor:
    """An actor that fails until `is_mended`."""

    def __init__(self, broker: RedisBroker) -> None:
        self.runs, self.is_mended = 0, False
        dramatiq.actor(actor_name="act", broker=broker, queue_name=wire.INBOUND_QUEUE)(self)

    def __call__(self) -> None:
        self.runs += 1
        if not self.is_mended:
            raise RuntimeError


@pytest.fixture
def broker(redis_client: redis.Redis, ledger: Ledger) -> Iterator[RedisBroker]:
    before = dramatiq.get_encoder()
    dramatiq.set_encoder(Encoder())
    broker = broker_on(
        redis_client,
        [
            Acknowledge(ledger.acknowledgements),
            QueueEntries(ledger.in_flight),
            DeadLetterNote(redis_client),
            DeliveryLimit(ledger.attempts, MAX_DELIVERIES),
            PutBack(Breakers(redis_client), 60, max_retries=2, min_backoff=1, max_backoff=10),
        ],
    )
    broker.declare_queue(wire.INBOUND_QUEUE)
    yield broker
    dramatiq.set_encoder(before)


@pytest.fixture
def work(broker: RedisBroker) -> Iterator[Callable[[], None]]:
    """Return a function that runs a worker until the queue is empty, retries included."""
    workers: list[dramatiq.Worker] = []

    def run() -> None:
        worker = dramatiq.Worker(broker, worker_timeout=10, worker_threads=2)
        workers.append(worker)
        worker.start()
        broker.join(wire.INBOUND_QUEUE, timeout=15_000, interval=10)
        worker.stop()

    yield run
    for worker in workers:
        worker.stop()


Enqueue = Callable[..., None]


@pytest.fixture
def enqueue(broker: RedisBroker, redis_client: redis.Redis) -> Enqueue:
    """Return a function that puts a message in flight, as the bridge does."""

    def put(message_id: str = "message-1", actor_name: str = "act") -> None:
        handle = Handle(message_id, "handle")
        put_in_flight(redis_client, handle, actor_name=actor_name, now_ms=1_000_000)

    return put
