"""What a worker process that died on this host held is free at once."""

import os
from pathlib import Path
from typing import Any

import dramatiq
import pytest
import redis

from emails.edges.presence import RedisPresence
from emails.wire import INBOUND_QUEUE
from relay.worker.broker import broker_on
from relay.worker.consumer import RecoveringBroker
from relay.worker.life_locks import LifeLocks
from relay.worker.middleware.undertaker import Undertaker
from runtime.presence import Presence


def a_broker(client: redis.Redis) -> RecoveringBroker:
    broker = broker_on(client)
    broker.declare_queue(INBOUND_QUEUE)
    return broker


def fetch(broker: RecoveringBroker) -> Any:
    return next(broker.consume(INBOUND_QUEUE, prefetch=1, timeout=10))


@pytest.fixture
def dead(redis_client: redis.Redis, tmp_path: Path) -> Presence:
    """A process that died right after it had fetched a message and beaten."""
    own, broker, locks = Presence(), a_broker(redis_client), LifeLocks(tmp_path / "locks")
    own.begin()
    locks.hold(own.name, broker.broker_id)
    broker.enqueue(dramatiq.Message(INBOUND_QUEUE, "actor", (), {}, {}))
    assert fetch(broker) is not None
    RedisPresence(redis_client, own).beat()
    assert locks._own is not None
    os.close(locks._own[1])  # as the kernel does
    return own


@pytest.mark.parametrize("at_its_end", [False, True])
def test_its_messages_and_claims_go_to_others(
    dead: Presence, redis_client: redis.Redis, tmp_path: Path, at_its_end: bool
) -> None:
    other, presence = a_broker(redis_client), RedisPresence(redis_client, Presence())
    assert (fetch(other), presence.is_silent(dead.name)) == (None, False)

    undertaker = Undertaker(redis_client, tmp_path / "locks", Presence())
    if at_its_end:
        undertaker.after_worker_shutdown(other, dramatiq.Worker(other))
    else:
        undertaker.look()

    assert fetch(other) is not None
    assert presence.is_silent(dead.name)


def test_nothing_of_it_stays_in_redis(
    dead: Presence, redis_client: redis.Redis, tmp_path: Path
) -> None:
    other, undertaker = a_broker(redis_client), Undertaker(redis_client, tmp_path / "locks", dead)
    undertaker.look()
    message = fetch(other)
    other.consume(INBOUND_QUEUE).ack(message)

    undertaker.look()
    fetch(other)

    assert redis_client.zrange("relay:__heartbeats__", 0, -1) == [other.broker_id.encode()]
