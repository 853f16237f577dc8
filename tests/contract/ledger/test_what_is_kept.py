"""What Redis keeps of messages that have ended, and for how long: it must not fill up."""

import redis

from bridge.ledger import keys
from bridge.ledger.dead_letters import DEAD_LETTER_TTL_MS
from bridge.messages import Handle
from tests.ledger import NOW_MS, Ledger, put_in_flight

ID = "message-1"
HANDLE = Handle(ID, "handle-1")
NEWER = Handle(ID, "handle-2")
LIFETIME_MS = 60_000


def test_of_a_message_that_is_done_only_its_state_is_kept(
    ledger: Ledger, redis_client: redis.Redis
) -> None:
    """There are many of these: all messages of the last lifetime."""
    put_in_flight(redis_client, HANDLE)

    ledger.acknowledgements.acknowledge(ID, actor_queue="inbound", failure=None)

    assert redis_client.hgetall(keys.message(ID)) == {b"state": b"done"}


def test_messages_whose_lifetime_is_over_leave_those_in_flight(
    ledger: Ledger, redis_client: redis.Redis
) -> None:
    """Nobody acknowledges a message that no worker reached."""
    put_in_flight(redis_client, HANDLE)

    put_in_flight(redis_client, Handle("message-2", "handle"), now_ms=NOW_MS + LIFETIME_MS)

    assert redis_client.zrange(keys.IN_FLIGHT, 0, -1) == [b"message-2"]


def test_a_lost_message_that_is_enqueued_again_gets_no_second_lifetime(
    ledger: Ledger, redis_client: redis.Redis
) -> None:
    """It would take up room for longer than its entry lives."""
    put_in_flight(redis_client, HANDLE)
    queue = keys.queue("inbound")
    redis_client.delete(queue, keys.messages_of(queue))
    ledger.in_flight.drop_lost()

    put_in_flight(redis_client, NEWER, now_ms=NOW_MS + 40_000)

    assert ledger.in_flight.count(NOW_MS + LIFETIME_MS) == 1
    assert ledger.in_flight.count(NOW_MS + LIFETIME_MS + 1) == 0


def test_which_dead_letter_is_a_messages_is_kept_as_long_as_that(
    ledger: Ledger, redis_client: redis.Redis
) -> None:
    ledger.acknowledgements.acknowledge(
        ID, actor_queue="inbound", failure="time_limit", dead_letter_id="dead-1"
    )

    assert redis_client.get(keys.dead_letter_of(ID)) == b"dead-1"
    assert 0 < redis_client.pttl(keys.dead_letter_of(ID)) <= DEAD_LETTER_TTL_MS
