"""A message that waits for its next attempt runs at once: once, and whole or not at all."""

import json

import dramatiq
import pytest
import redis

from bridge.ledger import keys
from bridge.ledger.retries import RunNow, run_now
from bridge.messages import Handle
from relay.worker.consumer import RecoveringBroker, RecoveringConsumer
from tests.ledger import Ledger, put_in_flight

QUEUE, DELAYED = keys.queue("inbound"), keys.queue("inbound.DQ")
HOUR_MS = 3_600_000


@pytest.fixture
def broker(redis_client: redis.Redis) -> RecoveringBroker:
    broker = RecoveringBroker(client=redis_client, middleware=[])
    broker.declare_queue("inbound")
    return broker


def delayed(broker: RecoveringBroker) -> RunNow:
    """Delay a message for an hour, and make the wish to run it now."""
    message: dramatiq.Message[None] = dramatiq.Message(
        "inbound", "actor", (), {}, {"sqs_message_id": "sqs-1"}
    )
    entry = broker.enqueue(message, delay=HOUR_MS).options["redis_message_id"]
    options = {"sqs_message_id": "sqs-1", "redis_message_id": "new"}
    made = message.copy(options=options).encode()
    return RunNow(entry, "inbound", "new", made, "sqs-1")


def state(client: redis.Redis) -> dict[str, object]:
    """What is enqueued, and what is delayed."""
    return {
        "enqueued": client.lrange(QUEUE, 0, -1),
        "messages": sorted(client.hkeys(keys.messages_of(QUEUE))),
        "delayed": client.lrange(DELAYED, 0, -1),
        "delayed messages": sorted(client.hkeys(keys.messages_of(DELAYED))),
    }


RUNS_NOW = {"enqueued": [b"new"], "messages": [b"new"], "delayed": [], "delayed messages": []}


def wait_for(broker: RecoveringBroker) -> tuple[RecoveringConsumer, dramatiq.MessageProxy]:
    """Let a worker fetch the message, to count its seconds."""
    consumer = broker.consume("inbound.DQ", prefetch=10, timeout=1)
    return consumer, next(consumer)


def its_time_has_come(broker: RecoveringBroker, kept: dramatiq.MessageProxy) -> None:
    """What Dramatiq does at the end of a delay."""
    message = kept.copy(queue_name="inbound")
    del message.options["eta"]
    broker.enqueue(message)


def test_it_is_enqueued_and_no_longer_delayed(
    broker: RecoveringBroker, redis_client: redis.Redis
) -> None:
    assert run_now(redis_client, delayed(broker))

    assert state(redis_client) == RUNS_NOW
    message = json.loads(redis_client.hget(keys.messages_of(QUEUE), "new") or "")
    assert "eta" not in message["options"]


def test_the_worker_that_kept_it_does_not_enqueue_it_again(
    broker: RecoveringBroker, redis_client: redis.Redis
) -> None:
    wish = delayed(broker)
    consumer, kept = wait_for(broker)

    assert run_now(redis_client, wish)
    its_time_has_come(broker, kept)
    consumer.ack(kept)

    assert state(redis_client) == RUNS_NOW
    assert redis_client.scard(keys.fetched(broker.broker_id, "inbound.DQ")) == 0


def test_a_worker_that_dies_while_it_keeps_it_does_not_bring_it_back(
    broker: RecoveringBroker, redis_client: redis.Redis
) -> None:
    wish = delayed(broker)
    wait_for(broker)
    assert run_now(redis_client, wish)

    redis_client.zadd(keys.BROKER_HEARTBEATS, {broker.broker_id: 0})
    other = RecoveringBroker(client=redis_client, middleware=[], maintenance_chance=1_000_000)
    other.do_fetch("inbound.DQ", 1)

    assert state(redis_client) == RUNS_NOW


def test_one_that_nobody_wished_to_run_is_enqueued_when_its_time_has_come(
    broker: RecoveringBroker, redis_client: redis.Redis
) -> None:
    delayed(broker)
    consumer, kept = wait_for(broker)

    its_time_has_come(broker, kept)
    consumer.ack(kept)

    assert redis_client.llen(QUEUE) == 1
    assert redis_client.hlen(keys.messages_of(DELAYED)) == 0


def test_a_second_wish_changes_nothing(broker: RecoveringBroker, redis_client: redis.Redis) -> None:
    wish = delayed(broker)
    assert run_now(redis_client, wish)

    assert not run_now(redis_client, wish)

    assert state(redis_client) == RUNS_NOW


def test_if_redis_refuses_a_step_nothing_has_changed(
    broker: RecoveringBroker, redis_client: redis.Redis
) -> None:
    wish = delayed(broker)
    wait_for(broker)
    redis_client.set(DELAYED, "not a list")
    before = redis_client.hgetall(keys.messages_of(DELAYED))

    with pytest.raises(redis.ResponseError):
        run_now(redis_client, wish)

    assert redis_client.hgetall(keys.messages_of(DELAYED)) == before
    assert redis_client.exists(QUEUE, keys.messages_of(QUEUE)) == 0


def test_it_stays_in_flight(broker: RecoveringBroker, ledger: Ledger) -> None:
    put_in_flight(ledger.client, Handle("sqs-1", "handle"))
    ledger.client.delete(QUEUE, keys.messages_of(QUEUE))
    wish = delayed(broker)
    ledger.in_flight.note_queue_entry("sqs-1", entry_id=wish.entry_id, queue="inbound.DQ")

    assert run_now(ledger.client, wish)

    (entry,) = ledger.in_flight.find(["sqs-1"])
    assert entry is not None
    assert (entry.is_in_flight, entry.is_lost) == (True, False)
