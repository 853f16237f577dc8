"""A message that is retried has copies in Dramatiq's queues, and is lost once none is left."""

import threading
from collections.abc import Callable

import dramatiq
import pytest
import redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.common import dq_name
from dramatiq.middleware import Middleware

from bridge.ledger import keys
from emails import wire
from relay.worker.middleware.queue_entries import QueueEntries
from tests.contract.acknowledgement.conftest import Enqueue
from tests.ledger import Ledger
from tests.waiting import wait_until


def declare(broker: RedisBroker, run: Callable[[], None]) -> None:
    dramatiq.actor(actor_name="act", broker=broker, queue_name=wire.INBOUND_QUEUE)(run)


def is_lost(ledger: Ledger) -> bool:
    (entry,) = ledger.in_flight.find(["message-1"])
    assert entry is not None
    return entry.is_lost


def fail() -> None:
    raise RuntimeError


def test_a_message_that_is_retried_is_never_taken_for_lost(
    broker: RedisBroker, ledger: Ledger, enqueue: Enqueue, work: Callable[[], None]
) -> None:
    """Each attempt has a copy of its own in Dramatiq's queues; those before are gone, or going."""
    seen: list[bool] = []

    def look_and_fail() -> None:
        seen.append(is_lost(ledger))
        raise RuntimeError

    declare(broker, look_and_fail)
    enqueue()

    work()

    assert seen == [False] * 3


@pytest.mark.slow
def test_a_retry_that_runs_before_its_worker_knows_that_it_is_enqueued_is_not_taken_for_lost(
    broker: RedisBroker,
    redis_client: redis.Redis,
    ledger: Ledger,
    enqueue: Enqueue,
    work: Callable[[], None],
) -> None:
    """The worker may be held up between the two for any time."""
    is_retried, is_told = threading.Event(), threading.Event()

    class HeldUp(Middleware):
        def after_enqueue(self, broker: object, message: object, delay: int | None) -> None:
            assert delay is None or is_retried.wait(5)

    class Told(Middleware):
        def after_enqueue(self, broker: object, message: object, delay: int | None) -> None:
            if delay is not None:
                is_told.set()

    seen: list[bool] = []

    def look() -> None:
        is_retried.set()
        assert is_told.wait(5)
        delayed = keys.messages_of(keys.queue(dq_name(wire.INBOUND_QUEUE)))
        wait_until("its delay is over", lambda: not redis_client.exists(delayed))
        seen.append(is_lost(ledger))

    attempts = iter([fail, look])

    def attempt() -> None:
        next(attempts)()

    broker.add_middleware(Told(), before=QueueEntries)
    broker.add_middleware(HeldUp(), after=QueueEntries)
    declare(broker, attempt)
    enqueue()

    work()

    assert seen == [False]


def test_a_retry_that_could_not_be_enqueued_is_not_acknowledged(
    broker: RedisBroker,
    ledger: Ledger,
    enqueue: Enqueue,
    work: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Lesson 26: Dramatiq logs the error and drops the message. SQS must still hold it."""

    def lose_connection(*args: object, **kwargs: object) -> None:
        raise redis.ConnectionError

    declare(broker, fail)
    enqueue()
    monkeypatch.setattr(broker, "enqueue", lose_connection)

    work()

    assert ledger.acknowledgements.count("mail") == 0
    assert is_lost(ledger), "its bridge must show it again at its next heartbeat"
