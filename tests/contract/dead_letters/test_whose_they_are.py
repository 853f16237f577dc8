"""Which dead letter is a message's, and what is noted of it, whoever changes it meanwhile."""

import dramatiq
import pytest
import redis

from bridge.ledger import keys
from bridge.ledger.dead_letters import DEAD_LETTER_TTL_MS, DeadLetters, Place, Requeue, Requeued
from bridge.messages import Handle
from emails import wire
from relay.worker.middleware.dead_letter_note import DeadLetterNote
from tests.dead_letters import burying_in, dead
from tests.ledger import a_ledger, put_in_flight

ID = "message-1"
QUEUE = wire.INBOUND_QUEUE


@pytest.fixture
def store(redis_client: redis.Redis) -> DeadLetters:
    return DeadLetters(redis_client, lifetime_seconds=60)


def bury(redis_client: redis.Redis, name: str) -> Place:
    burying_in(redis_client)(dead_letter_id=name, sqs_message_id=ID)
    (place,) = (one for one in places(redis_client) if one.id == name)
    return place


def places(redis_client: redis.Redis) -> list[Place]:
    return list(DeadLetters(redis_client, lifetime_seconds=60).places(QUEUE))


def test_deleting_an_older_dead_letter_leaves_the_message_its_latest(
    store: DeadLetters, redis_client: redis.Redis
) -> None:
    """Otherwise nobody would remove the latest when the message succeeds."""
    older = bury(redis_client, "older")
    bury(redis_client, "latest")

    store.delete([(older, ID)])

    assert redis_client.get(keys.dead_letter_of(ID)) == b"latest"
    a_ledger(redis_client).acknowledgements.acknowledge(ID, actor_queue=QUEUE, failure=None)
    assert dead(redis_client) == []


def test_requeueing_an_older_dead_letter_of_a_message_in_flight_leaves_it_its_latest(
    store: DeadLetters, redis_client: redis.Redis
) -> None:
    put_in_flight(redis_client, Handle(ID, "handle"))
    older = bury(redis_client, "older")
    bury(redis_client, "latest")

    assert store.requeue([Requeue(older, "new", b"{}", ID)], now_ms=1) == [Requeued.IN_FLIGHT]

    assert redis_client.get(keys.dead_letter_of(ID)) == b"latest"


def note(redis_client: redis.Redis, broker: dramatiq.Broker, dead_letter_id: str) -> None:
    message: dramatiq.Message[None] = dramatiq.Message(
        queue_name=QUEUE,
        actor_name="act",
        args=(),
        kwargs={},
        options={"redis_message_id": dead_letter_id},
    )
    DeadLetterNote(redis_client).after_nack(broker, message)


def test_a_reason_is_kept_as_long_as_its_dead_letter(redis_client: redis.Redis) -> None:
    burying_in(redis_client)(dead_letter_id="dead-1", reason=None)

    note(redis_client, dramatiq.Broker(), "dead-1")

    assert redis_client.get(keys.reason_of("dead-1")) == b"no_such_actor"
    assert 0 < redis_client.pttl(keys.reason_of("dead-1")) <= DEAD_LETTER_TTL_MS


def test_nothing_is_noted_of_a_dead_letter_that_is_gone(redis_client: redis.Redis) -> None:
    """An operator may requeue or delete it before the worker's last hook has run."""
    note(redis_client, dramatiq.Broker(), "gone")

    assert redis_client.keys("*") == []
