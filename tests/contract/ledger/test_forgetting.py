"""What Redis keeps of a message, and for how long: it must not fill up with forgotten messages."""

from typing import cast

import redis

from bridge.ledger import keys
from bridge.ledger.dead_letters import DEAD_LETTER_TTL_MS, DeadLetters, Place
from bridge.ledger.proofs import Proofs
from bridge.messages import Handle
from emails import wire
from tests.dead_letters import burying_in, dead
from tests.ledger import NOW_MS, Ledger, put_in_flight
from tests.seals import SEALS

ID = "message-1"
HANDLE = Handle(ID, "handle-1")
NEWER = Handle(ID, "handle-2")
LIFETIME_MS = 60_000
QUEUE = keys.queue(wire.INBOUND_QUEUE)


def succeed(ledger: Ledger) -> None:
    ledger.acknowledgements.acknowledge(ID, actor_queue="inbound", failure=None)


def fail(ledger: Ledger, dead_letter_id: str) -> None:
    """Dead-letter the message, as a worker does."""
    burying_in(ledger.client)(dead_letter_id=dead_letter_id, sqs_message_id="another")
    ledger.acknowledgements.acknowledge(
        ID, actor_queue="inbound", failure="RuntimeError", dead_letter_id=dead_letter_id
    )


def test_of_a_done_message_only_its_state_and_its_proof_are_kept(
    ledger: Ledger, redis_client: redis.Redis
) -> None:
    """There is one of these for each message of the last lifetime."""
    put_in_flight(redis_client, HANDLE)
    succeed(ledger)

    entry = cast("dict[bytes, bytes]", redis_client.hgetall(keys.message(ID)))
    assert entry.pop(b"state") == b"done"
    assert Proofs(SEALS).shows_end(entry.pop(b"proof").decode(), ID, "done")
    assert entry == {}


def test_a_message_names_its_dead_letter_for_as_long_as_that_is_kept(
    ledger: Ledger, redis_client: redis.Redis
) -> None:
    put_in_flight(redis_client, HANDLE)
    fail(ledger, "dead-1")

    assert redis_client.get(keys.dead_letter_of(ID)) == b"dead-1"
    assert 0 < redis_client.pttl(keys.dead_letter_of(ID)) <= DEAD_LETTER_TTL_MS

    put_in_flight(redis_client, NEWER, is_replay=True)
    succeed(ledger)

    assert redis_client.exists(keys.dead_letter_of(ID)) == 0


def test_delivery_attempts_are_counted_for_as_long_as_a_dead_letter_is_kept(
    ledger: Ledger, redis_client: redis.Redis
) -> None:
    ledger.attempts.record(ID)

    assert 0 < redis_client.pttl(keys.attempts(ID)) <= DEAD_LETTER_TTL_MS


def test_deleting_a_dead_letter_that_has_a_successor_leaves_the_successor_to_its_message(
    ledger: Ledger, redis_client: redis.Redis
) -> None:
    """An operator's page may show a dead letter whose message has run and failed again since."""
    for attempt in ("dead-1", "dead-2"):
        put_in_flight(redis_client, HANDLE, is_replay=True)
        fail(ledger, attempt)

    store = DeadLetters(redis_client, lifetime_seconds=60)
    assert store.delete([(Place("inbound", "dead-1", 0), ID)]) == [False]
    assert dead(redis_client) == ["dead-2"]

    put_in_flight(redis_client, NEWER, is_replay=True)
    succeed(ledger)

    assert dead(redis_client) == []


def test_a_lost_message_that_is_dispatched_again_gets_no_second_lifetime(
    ledger: Ledger, redis_client: redis.Redis
) -> None:
    """In flight for at most its lifetime, however often Redis loses it."""
    put_in_flight(redis_client, HANDLE)
    redis_client.pexpire(keys.message(ID), 1_000)
    redis_client.delete(QUEUE, keys.messages_of(QUEUE))
    later_ms = NOW_MS + LIFETIME_MS // 2

    put_in_flight(redis_client, NEWER, now_ms=later_ms)

    assert redis_client.pttl(keys.message(ID)) <= 1_000
    assert ledger.in_flight.find_oldest_ms(later_ms) == NOW_MS
    assert ledger.in_flight.count(NOW_MS + LIFETIME_MS + 1) == 0
    succeed(ledger)
    (acknowledgement,) = ledger.acknowledgements.take("mail", 10, 0.01)
    assert acknowledgement.received_at_ms == NOW_MS


def test_messages_whose_lifetime_is_over_are_removed_from_those_in_flight(
    redis_client: redis.Redis,
) -> None:
    """No worker reached them, so nobody has acknowledged them."""
    put_in_flight(redis_client, Handle("unreached", "handle"))

    put_in_flight(redis_client, HANDLE, now_ms=NOW_MS + LIFETIME_MS + 1)

    assert redis_client.zrange(keys.IN_FLIGHT, 0, -1) == [ID.encode()]
