"""A message is acknowledged when its actor has really ended, once, and with the right verdict.

Lesson 25: Dramatiq's `after_ack` fires for each attempt that is retried, and for each hop through
the delay queue; taken for the end, it deletes messages whose work is still to come.
"""

import time
from collections.abc import Callable
from typing import Any

import dramatiq
import pytest
import redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import Middleware, SkipMessage

from bridge.ledger import keys
from bridge.ledger.acknowledgements import Acknowledgement
from bridge.ledger.keys import NAMESPACE
from emails import wire
from emails.values.errors import NotFinished, Refused
from emails.values.outcomes import WORK_NOT_RUN
from relay.worker.middleware.acknowledge import Acknowledge
from tests.contract.acknowledgement.conftest import MAX_DELIVERIES, Enqueue
from tests.ledger import Ledger

DEAD_LETTERS = f"{NAMESPACE}:{wire.INBOUND_QUEUE}.XQ"


def declare(broker: RedisBroker, run: Callable[[], None], **options: Any) -> None:
    declared = dramatiq.actor(
        actor_name="act", broker=broker, queue_name=wire.INBOUND_QUEUE, **options
    )
    declared(run)


def acknowledged(ledger: Ledger) -> list[Acknowledgement]:
    if ledger.acknowledgements.count("mail") == 0:
        return []
    return ledger.acknowledgements.take("mail", 10, 0.1)


class Failing:
    """An actor that fails as often as it is told to, and notes what was acknowledged by then."""

    def __init__(self, ledger: Ledger, failures: int, error: Exception) -> None:
        self.ledger, self.failures, self.error = ledger, failures, error
        self.runs = 0
        self.acknowledged_meanwhile = 0

    def __call__(self) -> None:
        self.runs += 1
        self.acknowledged_meanwhile += self.ledger.acknowledgements.count("mail")
        if self.runs <= self.failures:
            raise self.error


@pytest.mark.parametrize(
    ("what", "failures", "error", "options", "runs", "reason"),
    [
        ("success", 0, None, {}, 1, None),
        ("success after two retries", 2, RuntimeError("later"), {}, 3, None),
        ("retries used up", 9, RuntimeError("never"), {}, 3, "RuntimeError"),
        ("refused", 9, Refused("foreign_bucket"), {"throws": Refused}, 1, "foreign_bucket"),
    ],
)
def test_the_verdict_on_an_actor(
    broker: RedisBroker,
    redis_client: redis.Redis,
    ledger: Ledger,
    enqueue: Enqueue,
    work: Callable[[], None],
    what: str,
    failures: int,
    error: Exception | None,
    options: dict[str, object],
    runs: int,
    reason: str | None,
) -> None:
    actor = Failing(ledger, failures, error or RuntimeError())
    declare(broker, actor, **options)
    enqueue()

    work()

    assert actor.runs == runs, what
    assert actor.acknowledged_meanwhile == 0, "acknowledged before its end"
    (acknowledgement,) = acknowledged(ledger)
    assert acknowledgement.succeeded is (reason is None)
    assert acknowledgement.reason == (reason or "")
    assert redis_client.zcard(DEAD_LETTERS) == (0 if reason is None else 1)


@pytest.mark.parametrize("is_known_done", [False, True])
def test_a_message_that_has_ended_has_no_queue_entry_even_if_its_worker_dies_now(
    broker: RedisBroker,
    redis_client: redis.Redis,
    ledger: Ledger,
    enqueue: Enqueue,
    work: Callable[[], None],
    is_known_done: bool,
) -> None:
    left: list[int] = []

    class Look(Middleware):
        def after_process_message(self, broker: Any, message: Any, **_: object) -> None:
            """Look after `Acknowledge`, and before Dramatiq's own acknowledgement."""
            queue = keys.messages_of(keys.queue(wire.INBOUND_QUEUE))
            fetched = keys.fetched(broker.broker_id, wire.INBOUND_QUEUE)
            left.append(int(redis_client.hlen(queue)) + int(redis_client.scard(fetched)))

    broker.add_middleware(Look(), before=Acknowledge)
    declare(broker, lambda: None)
    enqueue()
    if is_known_done:
        redis_client.hset(keys.message("message-1"), "state", "done")

    work()

    assert left == [0]
    assert len(acknowledged(ledger)) == (0 if is_known_done else 1)


def test_a_message_for_no_actor_is_dead_lettered_and_acknowledged_as_failed(
    redis_client: redis.Redis, ledger: Ledger, enqueue: Enqueue, work: Callable[[], None]
) -> None:
    enqueue(actor_name="gone")

    work()

    (acknowledgement,) = acknowledged(ledger)
    assert (acknowledgement.succeeded, acknowledgement.reason) == (False, "no_such_actor")
    assert redis_client.zcard(DEAD_LETTERS) == 1


def test_a_skipped_message_is_not_a_success(
    broker: RedisBroker, ledger: Ledger, enqueue: Enqueue, work: Callable[[], None]
) -> None:
    class Skip(Middleware):
        def before_process_message(self, broker: object, message: object) -> None:
            raise SkipMessage

    broker.add_middleware(Skip())
    declare(broker, lambda: None)
    enqueue()

    work()

    (acknowledgement,) = acknowledged(ledger)
    assert (acknowledgement.succeeded, acknowledgement.reason) == (False, "skipped")


def test_a_message_that_killed_its_workers_is_dead_lettered_without_running(
    broker: RedisBroker,
    redis_client: redis.Redis,
    ledger: Ledger,
    enqueue: Enqueue,
    work: Callable[[], None],
) -> None:
    """Lesson 30. The next delivery by SQS does not run it either, with or without dead letter."""
    actor = Failing(ledger, 0, RuntimeError())
    declare(broker, actor)
    for _ in range(MAX_DELIVERIES):
        ledger.attempts.record("message-1")

    for _ in range(2):
        redis_client.delete(keys.dead_letter_of("message-1"))
        enqueue()
        work()

    assert actor.runs == 0
    reasons = [acknowledgement.reason for acknowledgement in acknowledged(ledger)]
    assert reasons == ["too_many_deliveries"] * 2
    assert redis_client.zcard(DEAD_LETTERS) == 2


@pytest.mark.parametrize("when", ["before it fails", "before it is moved to the dead letters"])
def test_what_another_worker_has_carried_out_meanwhile_leaves_no_dead_letter(
    broker: RedisBroker,
    redis_client: redis.Redis,
    ledger: Ledger,
    enqueue: Enqueue,
    work: Callable[[], None],
    when: str,
) -> None:
    """A worker that was taken for dead works on what was given to another, too."""

    def be_carried_out(moment: str) -> None:
        if moment == when:
            ledger.acknowledgements.acknowledge(
                "message-1", actor_queue=wire.INBOUND_QUEUE, failure=None
            )

    class Other(Middleware):
        def before_nack(self, broker: object, message: object) -> None:
            be_carried_out("before it is moved to the dead letters")

    def refuse() -> None:
        be_carried_out("before it fails")
        raise Refused("foreign_bucket")

    broker.add_middleware(Other())
    declare(broker, refuse, throws=Refused)
    enqueue()

    work()

    assert acknowledged(ledger)[-1].succeeded
    assert redis_client.zcard(DEAD_LETTERS) == redis_client.hlen(f"{DEAD_LETTERS}.msgs") == 0


def test_attempts_that_end_in_order_do_not_count_as_deaths(
    broker: RedisBroker, ledger: Ledger, enqueue: Enqueue, work: Callable[[], None]
) -> None:
    actor = Failing(ledger, MAX_DELIVERIES, RuntimeError())
    declare(broker, actor)
    enqueue()

    work()

    assert actor.runs == MAX_DELIVERIES + 1
    assert [acknowledgement.succeeded for acknowledgement in acknowledged(ledger)] == [True]


@pytest.mark.slow
@pytest.mark.parametrize("reason", sorted(WORK_NOT_RUN))
def test_an_attempt_that_did_not_get_to_the_work_forgets_no_death(
    broker: RedisBroker,
    ledger: Ledger,
    enqueue: Enqueue,
    work: Callable[[], None],
    reason: str,
) -> None:
    """It found the dead worker's claim. One message killed fifteen workers so, without end."""
    declare(broker, Failing(ledger, 2, NotFinished(reason)))
    ledger.attempts.record("message-1")
    counted: list[int] = []

    class Count(Middleware):
        def before_process_message(self, broker: object, message: object) -> None:
            counted.append(ledger.attempts.record("message-1") - 1)
            ledger.attempts.take_back("message-1")

    broker.add_middleware(Count())
    enqueue()

    work()

    # The death before them, and the attempt itself.
    assert counted == [2, 2, 2]


def test_messages_around_one_that_cant_be_read_are_worked_off(
    broker: RedisBroker,
    redis_client: redis.Redis,
    ledger: Ledger,
    enqueue: Enqueue,
    work: Callable[[], None],
) -> None:
    """Lesson 27: the error used to strand every message fetched in the same batch."""
    declare(broker, lambda: None)
    enqueue("before")
    redis_client.hset(f"{NAMESPACE}:inbound.msgs", "junk", b"\xff not a message")
    redis_client.rpush(f"{NAMESPACE}:inbound", "junk")
    enqueue("after")
    worker = dramatiq.Worker(broker, worker_timeout=10, worker_threads=2)
    worker.start()
    try:
        taken: list[Acknowledgement] = []
        while len(taken) < 2:
            batch = ledger.acknowledgements.take("mail", 10, 5)
            assert batch, "messages were stranded"
            taken += batch
    finally:
        worker.stop()

    assert {acknowledgement.handle.message_id for acknowledgement in taken} == {"before", "after"}


def test_dead_letters_are_kept_for_twice_as_long_as_sqs_can_keep_their_messages(
    broker: RedisBroker, redis_client: redis.Redis
) -> None:
    """Lesson 32: Dramatiq's own seven days end while the message is still in SQS."""
    dead_letters, day_ms = f"{NAMESPACE}:inbound.XQ", 24 * 3600 * 1000
    now_ms = int(time.time() * 1000)
    redis_client.zadd(dead_letters, {"kept": now_ms - 28 * day_ms, "over": now_ms - 31 * day_ms})
    redis_client.hset(f"{dead_letters}.msgs", mapping={"kept": "…", "over": "…"})

    broker.do_fetch("inbound", 1)  # any command looks for those whose time is over

    assert redis_client.zrange(dead_letters, 0, -1) == [b"kept"]
    assert redis_client.hkeys(f"{dead_letters}.msgs") == [b"kept"]
