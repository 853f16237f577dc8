"""The bookkeeping in a real Redis: each step's promise, in the order of a message's life."""

import time

import redis

from bridge.ledger.dispatch import Dispatched
from bridge.ledger.in_flight import InFlight
from bridge.ledger.keys import NAMESPACE
from bridge.messages import Handle
from tests.in_flight import NOW_MS, put_in_flight

ID = "message-1"
HANDLE = Handle(ID, "handle-1")
NEWER = Handle(ID, "handle-2")


def dispatch(in_flight: InFlight, handle: Handle = HANDLE, bridge: str = "b1") -> Dispatched:
    return put_in_flight(in_flight._redis, handle, bridge=bridge)


def copies(redis_client: redis.Redis) -> list[bytes]:
    """List what is in Dramatiq's queue, and has its message there."""
    queued: list[bytes] = redis_client.lrange(f"{NAMESPACE}:inbound", 0, -1)
    assert sorted(queued) == sorted(redis_client.hkeys(f"{NAMESPACE}:inbound.msgs"))
    return queued


def succeed(in_flight: InFlight) -> bool:
    return in_flight.acknowledge(ID, actor_queue="inbound", failure=None)


def fail(in_flight: InFlight, dead_letter_id: str = "dead-1") -> bool:
    return in_flight.acknowledge(
        ID, actor_queue="inbound", failure="RuntimeError", dead_letter_id=dead_letter_id
    )


def test_an_unknown_message_is_enqueued(in_flight: InFlight, redis_client: redis.Redis) -> None:
    assert dispatch(in_flight) is Dispatched.ENQUEUED
    assert in_flight.count(NOW_MS) == 1
    assert len(copies(redis_client)) == 1


def test_handing_on_again_after_an_answer_that_was_lost_enqueues_nothing(
    in_flight: InFlight, redis_client: redis.Redis
) -> None:
    dispatch(in_flight)

    assert dispatch(in_flight) is Dispatched.IN_FLIGHT
    assert len(copies(redis_client)) == 1


def test_a_message_delivered_again_is_adopted_with_its_newer_handle(in_flight: InFlight) -> None:
    dispatch(in_flight)

    assert dispatch(in_flight, NEWER, bridge="b2") is Dispatched.IN_FLIGHT
    (entry,) = in_flight.find([ID])
    assert entry is not None
    assert (entry.bridge, entry.handle) == ("b2", NEWER)
    assert in_flight.count(NOW_MS) == 1


def test_the_newest_handle_is_the_one_that_is_acknowledged(in_flight: InFlight) -> None:
    dispatch(in_flight)
    dispatch(in_flight, NEWER, bridge="b2")

    succeed(in_flight)

    (acknowledgement,) = in_flight.take_acknowledgements("mail", 10, 0.01)
    assert acknowledgement.handle == NEWER
    assert acknowledgement.succeeded
    assert acknowledgement.received_at_ms == NOW_MS


def test_a_message_that_is_done_stays_done(in_flight: InFlight) -> None:
    dispatch(in_flight)
    succeed(in_flight)

    assert dispatch(in_flight, NEWER) is Dispatched.DONE
    assert in_flight.count(NOW_MS) == 0


def test_noting_a_copy_late_does_not_revive_a_message(in_flight: InFlight) -> None:
    """A worker that was taken for dead may retry what another has carried out."""
    dispatch(in_flight)
    succeed(in_flight)

    in_flight.note_queue_entry(ID, copy="copy-1", queue="inbound")

    assert dispatch(in_flight) is Dispatched.DONE


def test_acknowledging_twice_is_acknowledging_once(in_flight: InFlight) -> None:
    dispatch(in_flight)

    assert succeed(in_flight) is True
    assert succeed(in_flight) is False
    assert in_flight.count_acknowledgements("mail") == 1


def test_a_failure_noticed_by_two_hooks_is_acknowledged_once(in_flight: InFlight) -> None:
    dispatch(in_flight)

    assert fail(in_flight) is True
    assert fail(in_flight) is False
    assert in_flight.count_acknowledgements("mail") == 1


def test_a_failed_message_may_run_again_when_sqs_delivers_it_again(in_flight: InFlight) -> None:
    dispatch(in_flight)
    fail(in_flight)

    (entry,) = in_flight.find([ID])
    assert entry is not None
    assert not entry.is_in_flight
    assert dispatch(in_flight, NEWER) is Dispatched.ENQUEUED


def test_a_message_leaves_its_last_dead_letter_only(
    in_flight: InFlight, redis_client: redis.Redis
) -> None:
    dead_letters = f"{NAMESPACE}:inbound.XQ"
    for attempt in ("dead-1", "dead-2"):
        dispatch(in_flight)
        redis_client.zadd(dead_letters, {attempt: 1})
        redis_client.hset(f"{dead_letters}.msgs", attempt, "…")
        fail(in_flight, attempt)

    assert redis_client.zrange(dead_letters, 0, -1) == [b"dead-2"]

    dispatch(in_flight)
    succeed(in_flight)

    assert redis_client.zcard(dead_letters) == 0
    assert redis_client.hlen(f"{dead_letters}.msgs") == 0


def test_a_message_that_redis_forgot_can_still_be_acknowledged(
    in_flight: InFlight, redis_client: redis.Redis
) -> None:
    """Redis was wiped while the actor ran: when SQS delivers the message again it is done."""
    dispatch(in_flight)
    redis_client.flushdb()

    assert succeed(in_flight) is True
    assert in_flight.find(["other", ID])[0] is None
    assert dispatch(in_flight, NEWER) is Dispatched.DONE


def test_bridges_together_reserve_no_more_than_may_be_in_flight(in_flight: InFlight) -> None:
    def reserve(bridge: str, now_ms: int = NOW_MS) -> int:
        return in_flight.reserve(10, bridge=bridge, at_most=16, now_ms=now_ms, seconds=30)

    assert [reserve("b1"), reserve("b2"), reserve("b3")] == [10, 6, 0]
    assert reserve("b1") == 10  # its own reservation is not in its way

    dispatch(in_flight)
    assert reserve("b2") == 5

    # The dead bridges' reservations run out.
    assert reserve("b3", NOW_MS + 31_000) == 10


def test_nothing_outlives_its_lifetime(redis_client: redis.Redis) -> None:
    in_flight = InFlight(redis_client, lifetime_seconds=1)
    now_ms = int(time.time() * 1000)
    put_in_flight(redis_client, HANDLE, now_ms=now_ms, lifetime_seconds=1)

    assert 0 < redis_client.pttl(f"relay:message:{ID}") <= 1000
    assert in_flight.count(now_ms + 1001) == 0
    succeed(in_flight)
    assert 0 < redis_client.pttl(f"relay:message:{ID}") <= 1000


def test_starts_without_an_end_are_counted_until_an_attempt_ends_in_order(
    in_flight: InFlight,
) -> None:
    assert [in_flight.count_attempt(ID) for _ in range(3)] == [1, 2, 3]
    in_flight.forget_attempts(ID)
    assert in_flight.count_attempt(ID) == 1
    succeed(in_flight)
    assert in_flight.count_attempt(ID) == 1


def test_a_message_that_is_done_has_no_starts_whoever_runs_it_still(in_flight: InFlight) -> None:
    dispatch(in_flight)
    succeed(in_flight)
    in_flight.count_attempt(ID)

    succeed(in_flight)

    assert in_flight.count_attempt(ID) == 1


def test_a_second_chance_forgets_the_starts_once(
    in_flight: InFlight, redis_client: redis.Redis
) -> None:
    """A message that kills its workers again does not do so for ever."""
    in_flight.count_attempt(ID)
    put_in_flight(redis_client, HANDLE, is_replay=True)
    assert in_flight.count_attempt(ID) == 1
    in_flight.acknowledge(
        ID, actor_queue="inbound", failure="too_many_deliveries", forget_attempts=False
    )

    put_in_flight(redis_client, NEWER, is_replay=True)

    assert in_flight.count_attempt(ID) == 2


def test_a_message_that_killed_its_workers_keeps_its_count(in_flight: InFlight) -> None:
    in_flight.count_attempt(ID)

    in_flight.acknowledge(
        ID, actor_queue="inbound", failure="too_many_deliveries", forget_attempts=False
    )

    assert in_flight.count_attempt(ID) == 2


def test_acknowledgements_are_taken_in_batches_and_can_be_given_back(in_flight: InFlight) -> None:
    for number in range(5):
        handle = Handle(f"id-{number}", "handle")
        put_in_flight(in_flight._redis, handle)
        in_flight.acknowledge(handle.message_id, actor_queue="inbound", failure=None)

    taken = in_flight.take_acknowledgements("mail", 3, 0.01)
    in_flight.give_back("mail", taken)

    assert [ack.handle.message_id for ack in taken] == ["id-0", "id-1", "id-2"]
    assert in_flight.count_acknowledgements("mail") == 5
    again = in_flight.take_acknowledgements("mail", 10, 0.01)
    assert {ack.handle.message_id for ack in again} == {f"id-{number}" for number in range(5)}
    assert again[2:] == taken


def test_each_sqs_queue_has_its_own_acknowledgements(in_flight: InFlight) -> None:
    dispatch(in_flight)
    succeed(in_flight)

    assert in_flight.take_acknowledgements("dead-letters", 10, 0.01) == []
