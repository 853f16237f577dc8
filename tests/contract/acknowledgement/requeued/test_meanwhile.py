"""A requeue that meets SQS, a worker or another operator: the message runs once all the same."""

from collections.abc import Callable
from datetime import UTC, datetime

import redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import Middleware

from bridge.ledger import keys
from bridge.ledger.dead_letters import DeadLetters, Requeued
from bridge.ledger.dispatch import Dispatched
from emails import wire
from relay.operations.dead_letters.letter import make_requeue, read
from tests.contract.acknowledgement.conftest import Actor, Enqueue
from tests.contract.acknowledgement.requeued.conftest import ID, NEWER, come_again, count, requeue
from tests.ledger import Ledger
from tests.seals import SEALS


def test_a_message_that_sqs_delivers_meanwhile_is_not_enqueued_and_gives_its_newer_handle(
    dead: Actor, dead_letters: DeadLetters, ledger: Ledger, work: Callable[[], None]
) -> None:
    requeue(dead_letters)

    assert come_again(ledger) is Dispatched.IN_FLIGHT
    work()

    assert dead.runs == 1
    (acknowledgement,) = ledger.acknowledgements.take("mail", 10, 1)
    assert acknowledgement.handle == NEWER


def test_what_came_again_and_was_not_run_is_requeued_with_its_newer_handle(
    dead: Actor, dead_letters: DeadLetters, ledger: Ledger, work: Callable[[], None]
) -> None:
    """Even hours later: as long as SQS hides it."""
    come_again(ledger)
    eleven_hours_ms = 11 * 3600 * 1000
    assert ledger.client.pttl(keys.message(ID)) > eleven_hours_ms

    assert requeue(dead_letters) == [Requeued.REQUEUED]
    work()

    (acknowledgement,) = ledger.acknowledgements.take("mail", 10, 1)
    assert (acknowledgement.succeeded, acknowledgement.handle) == (True, NEWER)


def test_a_message_that_came_again_before_is_not_enqueued_beside_itself(
    dead: Actor,
    dead_letters: DeadLetters,
    redis_client: redis.Redis,
    enqueue: Enqueue,
    work: Callable[[], None],
) -> None:
    """Even where nobody remembers which dead letter is its, that goes when the message succeeds."""
    redis_client.delete(keys.dead_letter_of(ID))
    enqueue()

    assert requeue(dead_letters) == [Requeued.IN_FLIGHT]
    assert count(redis_client) == 1
    work()

    assert dead.runs == 1
    assert count(redis_client) == 0


def test_a_message_that_was_carried_out_meanwhile_is_not_carried_out_again(
    dead: Actor,
    dead_letters: DeadLetters,
    redis_client: redis.Redis,
    enqueue: Enqueue,
    work: Callable[[], None],
) -> None:
    redis_client.delete(keys.dead_letter_of(ID))
    enqueue()
    work()
    dead.runs = 0

    assert requeue(dead_letters) == [Requeued.DONE]
    work()

    assert dead.runs == 0
    assert count(redis_client) == 0


def test_two_operators_at_once_requeue_it_once(
    dead: Actor, dead_letters: DeadLetters, work: Callable[[], None]
) -> None:
    (place,) = dead_letters.places(wire.INBOUND_QUEUE)
    (stored,) = dead_letters.messages([place])
    assert stored is not None
    life = make_requeue(read(place, stored, None, SEALS), datetime.now(UTC))
    assert life is not None

    assert dead_letters.requeue([life, life], 1) == [Requeued.REQUEUED, Requeued.GONE]
    work()

    assert dead.runs == 1


def test_a_requeue_is_not_undone_by_the_worker_that_dead_lettered_the_message(
    actor: Actor,
    broker: RedisBroker,
    dead_letters: DeadLetters,
    ledger: Ledger,
    enqueue: Enqueue,
    work: Callable[[], None],
) -> None:
    """An operator may be quicker than the last of the worker's hooks."""

    class Quick(Middleware):
        def after_nack(self, broker: object, message: object) -> None:
            actor.is_mended = True
            assert requeue(dead_letters) == [Requeued.REQUEUED]

        def before_process_message(self, broker: object, message: object) -> None:
            if actor.is_mended:
                states.append(ledger.in_flight.find([ID])[0])

    states: list[object] = []
    broker.add_middleware(Quick())
    enqueue()

    work()
    work()  # the queue is empty for a moment in between, and the first may have ended there

    (entry,) = states
    assert getattr(entry, "is_in_flight", None) is True
    succeeded = [ack.succeeded for ack in ledger.acknowledgements.take("mail", 10, 1)]
    assert succeeded == [False, True]
