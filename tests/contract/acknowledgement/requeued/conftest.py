"""A message that died, and the operator who requeues it."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import redis
from dramatiq.brokers.redis import RedisBroker

from bridge.ledger import keys
from bridge.ledger.dead_letters import DeadLetters, Requeued
from bridge.ledger.dispatch import Dispatched
from bridge.messages import Handle
from emails import wire
from relay.operations.dead_letters.letter import make_requeue, read
from tests.contract.acknowledgement.conftest import Actor, Enqueue
from tests.ledger import Ledger, put_in_flight
from tests.seals import SEALS

ID = "message-1"
NEWER = Handle(ID, "newer")


@pytest.fixture
def actor(broker: RedisBroker) -> Actor:
    return Actor(broker)


@pytest.fixture
def dead_letters(redis_client: redis.Redis) -> DeadLetters:
    return DeadLetters(redis_client, 60)


@pytest.fixture
def dead(actor: Actor, ledger: Ledger, enqueue: Enqueue, work: Callable[[], None]) -> Actor:
    """An actor that one message has died of, and that is mended now."""
    enqueue()
    work()
    ledger.acknowledgements.take("mail", 10, 1)
    actor.runs, actor.is_mended = 0, True
    return actor


def requeue(dead_letters: DeadLetters) -> list[Requeued]:
    places = list(dead_letters.places(wire.INBOUND_QUEUE))
    lives = [
        make_requeue(read(place, stored, None, SEALS), datetime.now(UTC))
        for place, stored in zip(places, dead_letters.messages(places), strict=True)
        if stored is not None
    ]
    now_ms = int(datetime.now(UTC).timestamp() * 1000)
    return dead_letters.requeue([life for life in lives if life is not None], now_ms)


def come_again(ledger: Ledger) -> Dispatched:
    return put_in_flight(ledger.client, NEWER, bridge="b2", now_ms=1_000_000)


def count(redis_client: redis.Redis) -> int:
    key = keys.dead_letters(wire.INBOUND_QUEUE)
    assert redis_client.zcard(key) == redis_client.hlen(keys.messages_of(key))
    return int(redis_client.zcard(key))
