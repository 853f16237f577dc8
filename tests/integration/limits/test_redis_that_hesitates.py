"""A Redis that does not answer in time: the call is tried again, and nothing runs twice for it."""

import dramatiq
import pytest
import redis
from dramatiq.errors import ConnectionClosed
from redis.backoff import NoBackoff
from redis.retry import Retry

from relay.worker.consumer import RecoveringBroker
from runtime.redis_client import connect


def test_a_call_that_timed_out_is_tried_again(redis_url: str) -> None:
    """Lesson 28: a TimeoutError is no ConnectionError; an acknowledgement that met one was lost."""
    pausing = redis.Redis.from_url(redis_url)
    client = connect(redis_url)
    client.connection_pool.connection_kwargs["socket_timeout"] = 0.2

    pausing.client_pause(400)

    assert client.ping()


def test_no_call_waits_for_ever(redis_url: str) -> None:
    settings = connect(redis_url).connection_pool.connection_kwargs

    assert settings["socket_timeout"] is not None
    assert settings["socket_connect_timeout"] is not None


def test_an_answer_that_is_late_is_an_error_that_dramatiq_survives(
    client: redis.Redis, redis_url: str
) -> None:
    """It expects a ConnectionError, which a TimeoutError is not; of that its threads died."""
    hasty = redis.Redis.from_url(redis_url, socket_timeout=0.1, retry=Retry(NoBackoff(), 0))
    broker = RecoveringBroker(client=hasty, middleware=[])
    broker.declare_queue("q")
    broker.enqueue(dramatiq.Message("q", "actor", (), {}, {}))
    consumer = broker.consume("q", prefetch=1, timeout=1)
    message = next(consumer)

    client.client_pause(1000)

    with pytest.raises(ConnectionClosed):
        next(broker.consume("q"))
    with pytest.raises(ConnectionClosed):
        consumer.ack(message)
    with pytest.raises(ConnectionClosed):
        consumer.requeue([message])
