"""What Dramatiq's consumer must keep to, for ours to fetch less often: on a real Redis."""

import dramatiq
import pytest
import redis

from bridge.consumer import FrugalBroker, FrugalConsumer
from emails.wire import DEFAULT_QUEUE, FEEDBACK_QUEUE, INBOUND_QUEUE

PREFETCH = 8


@pytest.fixture
def broker(redis_url: str) -> FrugalBroker:
    redis.Redis.from_url(redis_url).flushdb()
    broker = FrugalBroker(url=redis_url, middleware=[])
    broker.declare_queue("q")
    return broker


def enqueue(broker: FrugalBroker, number: int) -> None:
    for _ in range(number):
        broker.enqueue(dramatiq.Message("q", "actor", (), {}, {}))


def waiting(broker: FrugalBroker) -> int:
    return int(broker.client.llen("dramatiq:q"))


def test_it_fetches_what_it_may_hold_then_waits_for_a_quarter_to_be_free(
    broker: FrugalBroker,
) -> None:
    enqueue(broker, 20)
    consumer = broker.consume("q", prefetch=PREFETCH, timeout=1)
    held = [next(consumer) for _ in range(PREFETCH)]
    assert waiting(broker) == 12

    consumer.ack(held[0])
    assert next(consumer) is None
    assert waiting(broker) == 12

    consumer.ack(held[1])
    assert next(consumer) is not None
    assert next(consumer) is not None
    assert waiting(broker) == 10


@pytest.mark.parametrize("prefetch", [1, 2, 3])
def test_one_that_holds_little_waits_for_nothing(broker: FrugalBroker, prefetch: int) -> None:
    enqueue(broker, prefetch + 1)
    consumer = broker.consume("q", prefetch=prefetch, timeout=1)
    held = [next(consumer) for _ in range(prefetch)]

    consumer.ack(held[0])

    assert next(consumer) is not None


@pytest.mark.parametrize("queue", [FEEDBACK_QUEUE, DEFAULT_QUEUE, f"{INBOUND_QUEUE}.DQ"])
def test_only_mails_are_looked_for_often(broker: FrugalBroker, queue: str) -> None:
    assert broker.consume(INBOUND_QUEUE, timeout=50).timeout == 50
    assert broker.consume(queue, timeout=50).timeout == 500
    assert broker.consume(queue, timeout=1000).timeout == 1000


def test_the_relays_broker_consumes_so(broker: FrugalBroker) -> None:
    assert isinstance(broker.consume("q"), FrugalConsumer)
