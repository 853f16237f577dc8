"""A requeued dead letter lives once more, and SQS is told what came of it.

What SQS does with the message meanwhile is not ours to say: it is still there, or it comes again,
or it is gone. The mail is carried out in any case, and by one attempt at a time.
"""

import json
from collections.abc import Callable

import dramatiq
import pytest
import redis
from dramatiq.brokers.redis import RedisBroker

from bridge.ledger import keys
from bridge.ledger.dead_letters import DeadLetters, Requeued
from bridge.ledger.dispatch import Dispatched
from bridge.messages import Handle
from emails import wire
from tests.contract.acknowledgement.conftest import MAX_DELIVERIES, Actor, Enqueue
from tests.contract.acknowledgement.requeued.conftest import ID, NEWER, come_again, count, requeue
from tests.ledger import Ledger, put_in_flight


def test_it_runs_once_and_its_message_is_deleted_by_the_handle_that_was_known(
    dead: Actor,
    dead_letters: DeadLetters,
    redis_client: redis.Redis,
    ledger: Ledger,
    work: Callable[[], None],
) -> None:
    assert requeue(dead_letters) == [Requeued.REQUEUED]
    assert count(redis_client) == 0
    assert redis_client.keys("relay:dead-letter*") == []
    work()

    (acknowledgement,) = ledger.acknowledgements.take("mail", 10, 1)
    assert (acknowledgement.succeeded, acknowledgement.handle) == (True, Handle(ID, "handle"))
    assert dead.runs == 1
    assert come_again(ledger) is Dispatched.DONE


def test_it_has_all_its_retries_again_and_leaves_one_dead_letter_if_it_dies_again(
    dead: Actor,
    dead_letters: DeadLetters,
    redis_client: redis.Redis,
    ledger: Ledger,
    work: Callable[[], None],
) -> None:
    dead.is_mended = False
    requeue(dead_letters)

    work()

    assert dead.runs == 3
    assert count(redis_client) == 1
    (acknowledgement,) = ledger.acknowledgements.take("mail", 10, 1)
    assert acknowledgement.succeeded is False


def test_a_message_that_killed_its_workers_is_let_run_again(
    actor: Actor,
    dead_letters: DeadLetters,
    redis_client: redis.Redis,
    ledger: Ledger,
    enqueue: Enqueue,
    work: Callable[[], None],
) -> None:
    actor.is_mended = True
    for _ in range(MAX_DELIVERIES):
        ledger.attempts.record(ID)
    enqueue()
    work()
    assert actor.runs == 0

    requeue(dead_letters)
    work()

    assert actor.runs == 1
    assert count(redis_client) == 0


@pytest.mark.parametrize("entry", ["kept", "forgotten"])
def test_while_its_dead_letter_exists_a_message_does_not_run_again(
    dead: Actor,
    redis_client: redis.Redis,
    ledger: Ledger,
    work: Callable[[], None],
    entry: str,
) -> None:
    if entry == "forgotten":
        redis_client.delete(keys.message(ID))

    assert come_again(ledger) is Dispatched.FAILED
    work()

    assert dead.runs == 0
    assert count(redis_client) == 1
    assert ledger.in_flight.count(0) == 0


def test_when_its_dead_letter_was_dropped_a_message_runs_again(
    dead: Actor, redis_client: redis.Redis, ledger: Ledger, work: Callable[[], None]
) -> None:
    """Whoever dropped it need not know of us: Dramatiq does not."""
    redis_client.delete(
        keys.dead_letters("inbound"), keys.messages_of(keys.dead_letters("inbound"))
    )

    assert come_again(ledger) is Dispatched.ENQUEUED
    work()

    assert dead.runs == 1


def test_a_replay_runs_a_failed_message_again(
    dead: Actor, redis_client: redis.Redis, work: Callable[[], None]
) -> None:
    assert put_in_flight(redis_client, NEWER, is_replay=True, now_ms=1_000_000) is (
        Dispatched.ENQUEUED
    )
    work()

    assert dead.runs == 1
    assert count(redis_client) == 0


@pytest.mark.parametrize("comes_again", [True, False])
def test_a_message_whose_lifetime_was_over_is_in_flight_again(
    dead: Actor,
    dead_letters: DeadLetters,
    redis_client: redis.Redis,
    ledger: Ledger,
    work: Callable[[], None],
    comes_again: bool,
) -> None:
    """Its receipt handle is forgotten: it is known once SQS delivers it, if SQS still has it."""
    redis_client.delete(keys.message(ID))
    requeue(dead_letters)
    assert ledger.in_flight.count(0) == 1
    assert 0 < redis_client.pttl(keys.message(ID)) <= 60_000
    if comes_again:
        assert come_again(ledger) is Dispatched.IN_FLIGHT

    work()

    assert dead.runs == 1
    assert ledger.acknowledgements.count("mail") == int(comes_again)
    assert come_again(ledger) is Dispatched.DONE


def test_a_dead_letter_is_kept_when_it_cant_be_put_into_its_queue(
    dead: Actor, dead_letters: DeadLetters, redis_client: redis.Redis
) -> None:
    redis_client.set(keys.queue(wire.INBOUND_QUEUE), "not a list")

    with pytest.raises(redis.ResponseError):
        requeue(dead_letters)

    assert count(redis_client) == 1


def test_a_deleted_dead_letter_is_gone_and_its_message_stays_what_it_was(
    dead: Actor, dead_letters: DeadLetters, redis_client: redis.Redis, ledger: Ledger
) -> None:
    (place,) = dead_letters.places(wire.INBOUND_QUEUE)

    assert dead_letters.delete([(place, ID)]) == [True]
    assert dead_letters.delete([(place, ID)]) == [False]

    assert count(redis_client) == 0
    assert redis_client.keys("relay:dead-letter*") == []
    assert come_again(ledger) is Dispatched.ENQUEUED


def test_a_job_that_did_not_come_from_sqs_can_be_requeued(
    actor: Actor,
    broker: RedisBroker,
    dead_letters: DeadLetters,
    redis_client: redis.Redis,
    work: Callable[[], None],
) -> None:
    broker.enqueue(
        dramatiq.Message(
            queue_name=wire.INBOUND_QUEUE, actor_name="act", args=(), kwargs={}, options={}
        )
    )
    work()
    actor.runs, actor.is_mended = 0, True

    assert requeue(dead_letters) == [Requeued.REQUEUED]
    (queued,) = redis_client.hvals(keys.messages_of(keys.queue(wire.INBOUND_QUEUE)))
    assert json.loads(queued)["options"].keys() == {"redis_message_id", "requeues", "taken_at_ms"}
    work()

    assert (actor.runs, count(redis_client)) == (1, 0)
    assert redis_client.keys("relay:*") == [keys.BROKER_HEARTBEATS.encode()]
