"""The bookkeeping in a real Redis: each step's promise, in the order of a message's life."""

import time
from typing import cast

import pytest
import redis

from bridge.ledger.dispatch import Dispatched
from bridge.ledger.keys import NAMESPACE
from bridge.messages import Handle
from tests.ledger import NOW_MS, Ledger, a_ledger, put_in_flight

ID = "message-1"
HANDLE = Handle(ID, "handle-1")
NEWER = Handle(ID, "handle-2")


def dispatch(ledger: Ledger, handle: Handle = HANDLE, bridge: str = "b1") -> Dispatched:
    return put_in_flight(ledger.client, handle, bridge=bridge)


def copies(redis_client: redis.Redis) -> list[bytes]:
    """List what is in Dramatiq's queue, and has its message there."""
    queued = cast("list[bytes]", redis_client.lrange(f"{NAMESPACE}:inbound", 0, -1))
    assert sorted(queued) == sorted(redis_client.hkeys(f"{NAMESPACE}:inbound.msgs"))
    return queued


def succeed(ledger: Ledger) -> bool:
    return ledger.acknowledgements.acknowledge(ID, actor_queue="inbound", failure=None)


def fail(ledger: Ledger, dead_letter_id: str = "dead-1") -> bool:
    return ledger.acknowledgements.acknowledge(
        ID, actor_queue="inbound", failure="RuntimeError", dead_letter_id=dead_letter_id
    )


def test_an_unknown_message_is_enqueued(ledger: Ledger, redis_client: redis.Redis) -> None:
    assert dispatch(ledger) is Dispatched.ENQUEUED
    assert ledger.in_flight.count(NOW_MS) == 1
    assert len(copies(redis_client)) == 1


def test_handing_on_again_after_an_answer_that_was_lost_enqueues_nothing(
    ledger: Ledger, redis_client: redis.Redis
) -> None:
    dispatch(ledger)

    assert dispatch(ledger) is Dispatched.IN_FLIGHT
    assert len(copies(redis_client)) == 1


def test_a_message_delivered_again_is_adopted_with_its_newer_handle(ledger: Ledger) -> None:
    dispatch(ledger)

    assert dispatch(ledger, NEWER, bridge="b2") is Dispatched.IN_FLIGHT
    (entry,) = ledger.in_flight.find([ID])
    assert entry is not None
    assert (entry.bridge, entry.handle) == ("b2", NEWER)
    assert ledger.in_flight.count(NOW_MS) == 1


def test_the_newest_handle_is_the_one_that_is_acknowledged(ledger: Ledger) -> None:
    dispatch(ledger)
    dispatch(ledger, NEWER, bridge="b2")

    succeed(ledger)

    (acknowledgement,) = ledger.acknowledgements.take("mail", 10, 0.01)
    assert acknowledgement.handle == NEWER
    assert acknowledgement.succeeded
    assert acknowledgement.received_at_ms == NOW_MS


def test_a_message_that_is_done_stays_done(ledger: Ledger) -> None:
    dispatch(ledger)
    succeed(ledger)

    assert dispatch(ledger, NEWER) is Dispatched.DONE
    assert ledger.in_flight.count(NOW_MS) == 0


def test_noting_a_copy_late_does_not_revive_a_message(ledger: Ledger) -> None:
    """A worker that was taken for dead may retry what another has carried out."""
    dispatch(ledger)
    succeed(ledger)

    ledger.in_flight.note_queue_entry(ID, entry_id="copy-1", queue="inbound")

    assert dispatch(ledger) is Dispatched.DONE


def test_acknowledging_twice_is_acknowledging_once(ledger: Ledger) -> None:
    dispatch(ledger)

    assert succeed(ledger) is True
    assert succeed(ledger) is False
    assert ledger.acknowledgements.count("mail") == 1


def test_a_failure_noticed_by_two_hooks_is_acknowledged_once(ledger: Ledger) -> None:
    dispatch(ledger)

    assert fail(ledger) is True
    assert fail(ledger) is False
    assert ledger.acknowledgements.count("mail") == 1


def test_a_failed_message_may_run_again_when_sqs_delivers_it_again(ledger: Ledger) -> None:
    dispatch(ledger)
    fail(ledger)

    (entry,) = ledger.in_flight.find([ID])
    assert entry is not None
    assert not entry.is_in_flight
    assert dispatch(ledger, NEWER) is Dispatched.ENQUEUED


def test_a_message_leaves_its_last_dead_letter_only(
    ledger: Ledger, redis_client: redis.Redis
) -> None:
    dead_letters = f"{NAMESPACE}:inbound.XQ"
    for attempt in ("dead-1", "dead-2"):
        dispatch(ledger)
        redis_client.zadd(dead_letters, {attempt: 1})
        redis_client.hset(f"{dead_letters}.msgs", attempt, "…")
        fail(ledger, attempt)

    assert redis_client.zrange(dead_letters, 0, -1) == [b"dead-2"]

    dispatch(ledger)
    succeed(ledger)

    assert redis_client.zcard(dead_letters) == 0
    assert redis_client.hlen(f"{dead_letters}.msgs") == 0


def test_a_message_that_redis_forgot_can_still_be_acknowledged(
    ledger: Ledger, redis_client: redis.Redis
) -> None:
    """Redis was wiped while the actor ran: when SQS delivers the message again it is done."""
    dispatch(ledger)
    redis_client.flushdb()

    assert succeed(ledger) is True
    assert ledger.in_flight.find(["other", ID])[0] is None
    assert dispatch(ledger, NEWER) is Dispatched.DONE


def test_bridges_together_reserve_no_more_than_may_be_in_flight(ledger: Ledger) -> None:
    def reserve(bridge: str, now_ms: int = NOW_MS) -> int:
        return ledger.reservations.reserve(10, bridge=bridge, at_most=16, now_ms=now_ms, seconds=30)

    assert [reserve("b1"), reserve("b2"), reserve("b3")] == [10, 6, 0]
    assert reserve("b1") == 10  # its own reservation is not in its way

    dispatch(ledger)
    assert reserve("b2") == 5

    # The dead bridges' reservations run out.
    assert reserve("b3", NOW_MS + 31_000) == 10


def test_nothing_outlives_its_lifetime(redis_client: redis.Redis) -> None:
    ledger = a_ledger(redis_client, lifetime_seconds=1)
    now_ms = int(time.time() * 1000)
    put_in_flight(redis_client, HANDLE, now_ms=now_ms, lifetime_seconds=1)

    assert 0 < redis_client.pttl(f"relay:message:{ID}") <= 1000
    assert ledger.in_flight.count(now_ms + 1001) == 0
    succeed(ledger)
    assert 0 < redis_client.pttl(f"relay:message:{ID}") <= 1000


def test_starts_without_an_end_are_counted_until_an_attempt_ends_in_order(
    ledger: Ledger,
) -> None:
    assert [ledger.attempts.record(ID) for _ in range(3)] == [1, 2, 3]
    ledger.attempts.forget(ID)
    assert ledger.attempts.record(ID) == 1
    succeed(ledger)
    assert ledger.attempts.record(ID) == 1


def test_a_message_that_is_done_has_no_starts_whoever_runs_it_still(ledger: Ledger) -> None:
    dispatch(ledger)
    succeed(ledger)
    ledger.attempts.record(ID)

    succeed(ledger)

    assert ledger.attempts.record(ID) == 1


def test_a_second_chance_forgets_the_starts_once(ledger: Ledger, redis_client: redis.Redis) -> None:
    """A message that kills its workers again does not do so for ever."""
    ledger.attempts.record(ID)
    put_in_flight(redis_client, HANDLE, is_replay=True)
    assert ledger.attempts.record(ID) == 1
    ledger.acknowledgements.acknowledge(
        ID, actor_queue="inbound", failure="too_many_deliveries", forget_attempts=False
    )

    put_in_flight(redis_client, NEWER, is_replay=True)

    assert ledger.attempts.record(ID) == 2


def test_a_message_that_killed_its_workers_keeps_its_count(ledger: Ledger) -> None:
    ledger.attempts.record(ID)

    ledger.acknowledgements.acknowledge(
        ID, actor_queue="inbound", failure="too_many_deliveries", forget_attempts=False
    )

    assert ledger.attempts.record(ID) == 2


def test_acknowledgements_are_taken_in_batches_and_can_be_given_back(ledger: Ledger) -> None:
    for number in range(5):
        handle = Handle(f"id-{number}", "handle")
        put_in_flight(ledger.client, handle)
        ledger.acknowledgements.acknowledge(handle.message_id, actor_queue="inbound", failure=None)

    taken = ledger.acknowledgements.take("mail", 3, 0.01)
    ledger.acknowledgements.give_back("mail", taken)

    assert [ack.handle.message_id for ack in taken] == ["id-0", "id-1", "id-2"]
    assert ledger.acknowledgements.count("mail") == 5
    again = ledger.acknowledgements.take("mail", 10, 0.01)
    assert {ack.handle.message_id for ack in again} == {f"id-{number}" for number in range(5)}
    assert again[2:] == taken


@pytest.mark.parametrize(("listed", "taken"), [(7, 7), (10, 10), (19, 10), (20, 20), (25, 20)])
def test_of_more_acknowledgements_than_a_batch_whole_batches_are_taken(
    ledger: Ledger, listed: int, taken: int
) -> None:
    """A call to SQS for two costs as much as for ten."""
    for number in range(listed):
        handle = Handle(f"id-{number}", "handle")
        put_in_flight(ledger.client, handle)
        ledger.acknowledgements.acknowledge(handle.message_id, actor_queue="inbound", failure=None)

    assert len(ledger.acknowledgements.take("mail", 100, 0.01, batch=10)) == taken
    assert ledger.acknowledgements.count("mail") == listed - taken


def test_each_sqs_queue_has_its_own_acknowledgements(ledger: Ledger) -> None:
    dispatch(ledger)
    succeed(ledger)

    assert ledger.acknowledgements.take("dead-letters", 10, 0.01) == []
