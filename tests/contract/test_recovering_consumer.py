"""What Dramatiq's consumer must keep to, for ours to fetch less often."""

import dramatiq
import pytest
import redis

from emails.wire import BULK_QUEUE, DEFAULT_QUEUE, FEEDBACK_QUEUE, INBOUND_QUEUE
from relay.worker.consumer import PROBE, RecoveringBroker, RecoveringConsumer
from relay.worker.encoder import Encoder
from runtime.breakers import Breakers
from runtime.dependencies import Dependency

PREFETCH = 8


@pytest.fixture
def broker(redis_client: redis.Redis) -> RecoveringBroker:
    broker = RecoveringBroker(client=redis_client, middleware=[])
    broker.declare_queue("q")
    return broker


def enqueue(broker: RecoveringBroker, number: int) -> None:
    for _ in range(number):
        broker.enqueue(dramatiq.Message("q", "actor", (), {}, {}))


def waiting(broker: RecoveringBroker) -> int:
    return int(broker.client.llen("relay:q"))


def test_it_fetches_what_it_may_hold_then_waits_for_a_quarter_to_be_free(
    broker: RecoveringBroker,
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
def test_one_that_holds_little_waits_for_nothing(broker: RecoveringBroker, prefetch: int) -> None:
    enqueue(broker, prefetch + 1)
    consumer = broker.consume("q", prefetch=prefetch, timeout=1)
    held = [next(consumer) for _ in range(prefetch)]

    consumer.ack(held[0])

    assert next(consumer) is not None


@pytest.mark.parametrize("queue", [FEEDBACK_QUEUE, DEFAULT_QUEUE, f"{INBOUND_QUEUE}.DQ"])
def test_only_mails_are_looked_for_often(broker: RecoveringBroker, queue: str) -> None:
    assert broker.consume(INBOUND_QUEUE, timeout=50).timeout == 50
    assert broker.consume(BULK_QUEUE, timeout=50).timeout == 250
    assert broker.consume(queue, timeout=50).timeout == 500
    assert broker.consume(queue, timeout=1000).timeout == 1000


def test_the_relays_broker_consumes_so(broker: RecoveringBroker) -> None:
    assert isinstance(broker.consume("q"), RecoveringConsumer)


def fetched(broker: RecoveringBroker, queue: str = "q") -> int:
    return int(broker.client.scard(f"relay:__acks__.{broker.broker_id}.{queue}"))


def lose_an_answer(broker: RecoveringBroker) -> None:
    """Redis does what it is told, and nobody hears of it."""
    broker.do_fetch("q", 2)


def test_a_fetch_whose_answer_was_lost_is_put_back(
    broker: RecoveringBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis stood still for longer than its clients wait: they fetch again, and get others."""
    monkeypatch.setattr("relay.worker.consumer.RECOVER_SECONDS", 0)
    enqueue(broker, 4)
    lose_an_answer(broker)
    consumer = broker.consume("q", prefetch=PREFETCH, timeout=1)

    given = [next(consumer) for _ in range(4)]

    assert len({message.options["redis_message_id"] for message in given}) == 4
    for message in given:
        consumer.ack(message)
    assert fetched(broker) == 0


def test_what_is_worked_on_is_not_put_back(
    broker: RecoveringBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor when its consumer met an error, and another takes its place."""
    monkeypatch.setattr("relay.worker.consumer.RECOVER_SECONDS", 0)
    enqueue(broker, 2)
    first = broker.consume("q", prefetch=PREFETCH, timeout=1)
    given = [next(first), next(first)]

    second = broker.consume("q", prefetch=PREFETCH, timeout=1)

    assert next(first) is next(second) is None
    assert waiting(broker) == 0
    second.ack(given[0])
    second.nack(given[1])
    assert fetched(broker) == 0


def test_what_waited_for_its_retry_when_its_consumer_met_an_error_is_put_back(
    broker: RecoveringBroker,
) -> None:
    """Dramatiq drops what it has delayed, when the connection breaks."""
    broker.enqueue(dramatiq.Message("q", "actor", (), {}, {}), delay=1)
    assert next(broker.consume("q.DQ", timeout=1)) is not None

    assert next(broker.consume("q.DQ", timeout=1)) is not None


def test_one_that_cant_be_read_is_a_dead_letter_in_the_end(
    broker: RecoveringBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("relay.worker.consumer.RECOVER_SECONDS", 0)
    monkeypatch.setattr("dramatiq.message.global_encoder", Encoder())
    broker.client.hset("relay:q.msgs", "junk", b"\xff not a message")
    broker.client.rpush("relay:q", "junk")
    consumer = broker.consume("q", prefetch=PREFETCH, timeout=1)

    consumer.nack(next(consumer))
    assert next(consumer) is None

    assert broker.client.zrange("relay:q.XQ", 0, -1) == [b"junk"]
    assert fetched(broker) == 0


def open_breaker(broker: RecoveringBroker, dependency: Dependency) -> None:
    for _ in range(5):
        broker.breakers.failed(dependency, "AccessDenied")


def let_probe(broker: RecoveringBroker, dependency: Dependency) -> None:
    broker.client.delete(f"relay:breaker-probe:{dependency}")


def inbound(broker: RecoveringBroker, number: int, queue: str = INBOUND_QUEUE) -> None:
    broker.declare_queue(queue)
    for _ in range(number):
        broker.enqueue(dramatiq.Message(queue, "actor", (), {}, {}))


def test_while_a_breaker_is_open_one_message_at_a_time_is_fetched_as_a_probe(
    broker: RecoveringBroker,
) -> None:
    inbound(broker, 5)
    open_breaker(broker, Dependency.SES)
    consumer = broker.consume(INBOUND_QUEUE, prefetch=PREFETCH, timeout=1)
    assert next(consumer) is None

    let_probe(broker, Dependency.SES)

    assert next(consumer).options[PROBE]
    assert [next(consumer) for _ in range(3)] == [None] * 3
    assert broker.client.llen("relay:inbound") == 4


def test_what_was_fetched_before_a_breaker_opened_waits_too(broker: RecoveringBroker) -> None:
    inbound(broker, 5)
    consumer = broker.consume(INBOUND_QUEUE, prefetch=PREFETCH, timeout=1)
    assert next(consumer) is not None
    assert len(consumer.message_cache) == 4

    open_breaker(broker, Dependency.S3)

    assert next(consumer) is None
    let_probe(broker, Dependency.S3)
    assert next(consumer).options[PROBE]
    assert next(consumer) is None


def test_when_it_closes_all_are_fetched_again(broker: RecoveringBroker) -> None:
    inbound(broker, 5)
    open_breaker(broker, Dependency.DATABASE)
    consumer = broker.consume(INBOUND_QUEUE, prefetch=PREFETCH, timeout=1)
    assert next(consumer) is None

    broker.breakers.worked(Dependency.DATABASE)

    assert all(next(consumer) for _ in range(5))


def test_a_probe_for_which_there_is_no_message_is_left_to_others(broker: RecoveringBroker) -> None:
    broker.declare_queue(INBOUND_QUEUE)
    open_breaker(broker, Dependency.SES)
    consumer = broker.consume(INBOUND_QUEUE, prefetch=PREFETCH, timeout=1)
    let_probe(broker, Dependency.SES)

    assert next(consumer) is None

    assert Breakers(broker.client).take_probe(Dependency.SES)


@pytest.mark.parametrize(
    ("queue", "dependency", "waits"),
    [
        (FEEDBACK_QUEUE, Dependency.SES, False),
        (FEEDBACK_QUEUE, Dependency.DATABASE, True),
        (DEFAULT_QUEUE, Dependency.DATABASE, False),
    ],
)
def test_only_what_needs_it_waits(
    broker: RecoveringBroker, queue: str, dependency: Dependency, waits: bool
) -> None:
    inbound(broker, 1, queue)
    open_breaker(broker, dependency)
    consumer = broker.consume(queue, prefetch=PREFETCH, timeout=1)

    assert (next(consumer) is None) is waits
