"""Each dead letter says why it is one, however it died (P4)."""

import json
from collections.abc import Callable
from typing import Any

import dramatiq
import pytest
import redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import TimeLimitExceeded

from bridge.ledger import keys
from bridge.ledger.dead_letters import NOTE, DeadLetters
from emails import wire
from emails.values.errors import NotFinished, Refused
from tests.contract.acknowledgement.conftest import MAX_DELIVERIES, Enqueue
from tests.ledger import Ledger


def declare(broker: RedisBroker, error: BaseException) -> None:
    def fail() -> None:
        raise error

    declare = dramatiq.actor(
        actor_name="act", broker=broker, queue_name=wire.INBOUND_QUEUE, throws=Refused
    )
    declare(fail)


def the_one_dead_letter(redis_client: redis.Redis) -> tuple[str | None, dict[str, Any]]:
    dead_letters = DeadLetters(redis_client, 60)
    places = list(dead_letters.places(wire.INBOUND_QUEUE))
    (reason,), (stored,) = dead_letters.reasons(places), dead_letters.messages(places)
    assert stored is not None
    note: dict[str, Any] = json.loads(stored)["options"].get(NOTE)
    return reason, note


@pytest.mark.parametrize(
    ("error", "reason", "attempts"),
    [
        (Refused("mail_missing"), "refused:mail_missing", 1),
        (NotFinished("mail_missing", max_tries=1), "refused:mail_missing", 1),
        (ValueError("ann@owner.example"), "retries_used_up:ValueError", 3),
        (TimeLimitExceeded(), "time_limit", 3),
    ],
)
def test_of_what_its_actor_raised(
    broker: RedisBroker,
    redis_client: redis.Redis,
    enqueue: Enqueue,
    work: Callable[[], None],
    error: BaseException,
    reason: str,
    attempts: int,
) -> None:
    declare(broker, error)
    enqueue()

    work()

    noted, note = the_one_dead_letter(redis_client)
    assert (noted, note["reason"]) == (reason, reason)
    assert note["attempts"] == attempts
    assert note["error_type"] == type(error).__name__
    assert any("test_why_a_message_died.py" in line for line in note["traceback"])
    assert "ann@owner.example" not in json.dumps(note)


def test_of_too_many_deliveries(
    broker: RedisBroker,
    redis_client: redis.Redis,
    ledger: Ledger,
    enqueue: Enqueue,
    work: Callable[[], None],
) -> None:
    declare(broker, ValueError())
    for _ in range(MAX_DELIVERIES):
        ledger.attempts.record("message-1")
    enqueue()

    work()

    noted, note = the_one_dead_letter(redis_client)
    assert (noted, note["reason"]) == ("too_many_deliveries", "too_many_deliveries")
    assert note["attempts"] == MAX_DELIVERIES


def test_of_an_actor_that_does_not_exist(
    redis_client: redis.Redis, enqueue: Enqueue, work: Callable[[], None]
) -> None:
    enqueue(actor_name="gone")

    work()

    noted, note = the_one_dead_letter(redis_client)
    assert (noted, note["reason"], note["attempts"]) == ("no_such_actor", "no_such_actor", 0)


def test_a_message_that_did_not_die_has_no_note(
    broker: RedisBroker, redis_client: redis.Redis, enqueue: Enqueue, work: Callable[[], None]
) -> None:
    declare = dramatiq.actor(actor_name="act", broker=broker, queue_name=wire.INBOUND_QUEUE)
    declare(lambda: None)
    enqueue()

    work()

    assert redis_client.keys(keys.reason_of("*")) == []
    assert redis_client.keys(f"{keys.queue(wire.INBOUND_QUEUE)}*msgs") == []
