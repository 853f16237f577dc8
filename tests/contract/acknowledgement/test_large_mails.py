"""A large mail goes on in the queue for bulk, charged for its size, and no attempt is counted."""

from collections.abc import Iterator

import dramatiq
import pytest
import redis
from dramatiq.brokers.redis import RedisBroker

from bridge.ledger.dispatch import Dispatcher, Work
from bridge.ledger.lanes import Lane, Lanes
from bridge.messages import Handle
from emails import wire
from emails.values.errors import LargeMail, NotFinished, OthersFirst, PortionDone
from relay.worker.broker import broker_on
from relay.worker.encoder import Encoder
from relay.worker.middleware.acknowledge import Acknowledge
from relay.worker.middleware.delivery_limit import DeliveryLimit
from relay.worker.middleware.fair_threads import FairThreads
from relay.worker.middleware.put_back import PutBack
from relay.worker.middleware.queue_entries import QueueEntries
from relay.worker.work_queue import LARGE
from runtime.breakers import Breakers
from runtime.lane import goes_first, has_lost_its_place
from tests.ledger import NOW_MS, Ledger
from tests.seals import SEALS

SIZE = 40 * 1024 * 1024
ID = "message-1"


class Actor:
    """Refuses a large mail as long as it goes before others."""

    def __init__(self, broker: RedisBroker, ledger: Ledger) -> None:
        self.seen: list[tuple[bool, list[Lane], object]] = []
        self._ledger = ledger
        dramatiq.actor(
            actor_name="act", broker=broker, queue_name=wire.INBOUND_QUEUE, throws=LargeMail
        )(self)

    def __call__(self) -> None:
        client = self._ledger.client
        lanes = Lanes(client).find_busiest(10)
        self.seen.append((goes_first.get(), lanes, client.get(f"relay:starts:{ID}")))
        if goes_first.get():
            raise LargeMail(SIZE)


@pytest.fixture
def broker(redis_client: redis.Redis, ledger: Ledger) -> Iterator[RedisBroker]:
    before = dramatiq.get_encoder()
    dramatiq.set_encoder(Encoder())
    charge_large = Lanes(redis_client).charge_large
    put_back = PutBack(
        *(Breakers(redis_client), 60),
        max_retries=0,
        min_backoff=1,
        max_backoff=1,
        charge_large=charge_large,
    )
    broker = broker_on(
        redis_client,
        [
            FairThreads(),
            Acknowledge(ledger.acknowledgements),
            QueueEntries(ledger.in_flight),
            DeliveryLimit(ledger.attempts, 1),
            put_back,
        ],
    )
    for queue in (wire.INBOUND_QUEUE, wire.BULK_QUEUE):
        broker.declare_queue(queue)
    yield broker
    dramatiq.set_encoder(before)


def test_it_goes_on_where_it_delays_nobody(broker: RedisBroker, ledger: Ledger) -> None:
    actor = Actor(broker, ledger)
    message: dramatiq.Message[None] = dramatiq.Message(
        wire.INBOUND_QUEUE, "act", (), {}, {wire.SQS_MESSAGE_ID: ID}
    )
    dispatcher = Dispatcher(
        *(ledger.client, 60), seals=SEALS, bridge="b1", queue="mail", max_in_flight=200
    )
    dispatcher.dispatch([Work(Handle(ID, "handle"), message, ("lane",))], NOW_MS)

    worker = dramatiq.Worker(broker, worker_timeout=10, worker_threads=1)
    worker.start()
    (acknowledged,) = ledger.acknowledgements.take("mail", 1, 10)
    worker.stop()

    assert actor.seen == [
        (True, [Lane("lane", 1, 0)], b"1"),
        (False, [Lane("lane", 41, 0)], b"1"),
    ]
    assert acknowledged.succeeded
    assert Lanes(ledger.client).find_busiest(10) == []


@pytest.mark.parametrize("failure", [PortionDone(), OthersFirst()])
def test_a_mail_before_which_others_go_goes_on_behind_them_at_once(
    broker: RedisBroker, monkeypatch: pytest.MonkeyPatch, failure: NotFinished
) -> None:
    (middleware,) = [one for one in broker.middleware if isinstance(one, PutBack)]
    enqueued: list[dramatiq.Message[None]] = []
    monkeypatch.setattr(broker, "enqueue", enqueued.append)
    message: dramatiq.Message[None] = dramatiq.Message(wire.INBOUND_QUEUE, "act", (), {}, {})

    middleware.after_process_message(broker, dramatiq.MessageProxy(message), exception=failure)

    assert [(one.queue_name, LARGE in one.options) for one in enqueued] == [
        (wire.BULK_QUEUE, False)
    ]


def test_its_message_says_how_large_it_is(broker: RedisBroker, ledger: Ledger) -> None:
    (middleware,) = [one for one in broker.middleware if isinstance(one, PutBack)]
    enqueued: list[dramatiq.Message[None]] = []
    broker.enqueue = enqueued.append  # type: ignore[assignment,method-assign]
    message: dramatiq.Message[None] = dramatiq.Message(wire.INBOUND_QUEUE, "act", (), {}, {})

    middleware.after_process_message(
        broker, dramatiq.MessageProxy(message), exception=LargeMail(SIZE)
    )

    assert [(one.queue_name, one.options[LARGE]) for one in enqueued] == [(wire.BULK_QUEUE, SIZE)]


@pytest.mark.parametrize(
    ("queue", "loses"),
    [(wire.INBOUND_QUEUE, True), (wire.BULK_QUEUE, False), (wire.FEEDBACK_QUEUE, False)],
)
def test_the_ledger_is_asked_whether_a_mail_still_goes_first(
    broker: RedisBroker, queue: str, loses: bool
) -> None:
    asked: list[str] = []

    def refuse(message_id: str) -> bool:
        asked.append(message_id)
        return False

    middleware = FairThreads(refuse)
    message: dramatiq.Message[None] = dramatiq.Message(
        queue, "act", (), {}, {wire.SQS_MESSAGE_ID: ID}
    )
    middleware.before_process_message(broker, message)

    assert has_lost_its_place() is loses
    assert asked == [ID] * loses
    middleware.before_process_message(broker, dramatiq.Message("default", "job", (), {}, {}))
    assert not has_lost_its_place()
