"""A message in flight whose copies in Dramatiq's queues are gone is found, and enqueued anew."""

import redis

from bridge.ledger import keys
from bridge.ledger.dispatch import Dispatched
from bridge.messages import Handle
from emails import wire
from tests.ledger import NOW_MS, Ledger, put_in_flight

ID = "message-1"
HANDLE = Handle(ID, "handle-1")
NEWER = Handle(ID, "handle-2")
QUEUE = keys.queue(wire.INBOUND_QUEUE)
DELAYED = keys.queue(f"{wire.INBOUND_QUEUE}.DQ")


def lose_copy(redis_client: redis.Redis) -> None:
    redis_client.delete(QUEUE, keys.messages_of(QUEUE))


def is_lost(ledger: Ledger) -> bool:
    (entry,) = ledger.in_flight.find([ID])
    assert entry is not None
    return entry.is_lost


def test_a_message_whose_copy_is_gone_is_lost_until_it_is_delivered_again(
    ledger: Ledger, redis_client: redis.Redis
) -> None:
    put_in_flight(redis_client, HANDLE)
    assert not is_lost(ledger)

    lose_copy(redis_client)
    assert is_lost(ledger)

    assert put_in_flight(redis_client, NEWER) is Dispatched.ENQUEUED
    assert not is_lost(ledger)
    assert redis_client.llen(QUEUE) == redis_client.hlen(keys.messages_of(QUEUE)) == 1
    (entry,) = ledger.in_flight.find([ID])
    assert entry is not None
    assert entry.handle == NEWER


def test_what_is_lost_makes_room_until_it_is_delivered_again(
    ledger: Ledger, redis_client: redis.Redis
) -> None:
    put_in_flight(redis_client, HANDLE)
    ledger.in_flight.drop_lost(ledger.in_flight.find_all())
    assert ledger.in_flight.count(NOW_MS) == 1

    lose_copy(redis_client)
    ledger.in_flight.drop_lost(ledger.in_flight.find_all())

    assert ledger.in_flight.count(NOW_MS) == 0
    assert put_in_flight(redis_client, NEWER, bridge="b2") is Dispatched.ENQUEUED
    assert ledger.in_flight.count(NOW_MS) == 1


def test_a_message_is_lost_once_none_of_its_copies_is_left(
    ledger: Ledger, redis_client: redis.Redis
) -> None:
    """A retry is enqueued, then noted, and then the attempt before it is acknowledged."""
    put_in_flight(redis_client, HANDLE)
    redis_client.hset(keys.messages_of(DELAYED), "copy-2", "…")
    ledger.in_flight.note_queue_entry(ID, entry_id="copy-2", queue="inbound.DQ")
    lose_copy(redis_client)
    assert not is_lost(ledger)
    assert put_in_flight(redis_client, NEWER) is Dispatched.IN_FLIGHT

    redis_client.hdel(keys.messages_of(DELAYED), "copy-2")

    assert is_lost(ledger)


def test_a_message_that_is_retried_for_ever_takes_no_more_room_each_time(
    ledger: Ledger, redis_client: redis.Redis
) -> None:
    """Copies that are gone are not kept in mind."""
    put_in_flight(redis_client, HANDLE)
    sizes = set()
    for attempt in range(100, 110):
        ledger.in_flight.note_queue_entry(ID, entry_id=f"copy-{attempt}", queue="inbound")
        sizes.add(redis_client.hstrlen(keys.message(ID), "copies"))

    assert len(sizes) == 1


def test_a_message_that_ended_is_not_lost(ledger: Ledger, redis_client: redis.Redis) -> None:
    put_in_flight(redis_client, HANDLE)
    ledger.acknowledgements.acknowledge(ID, actor_queue="inbound", failure="refused")
    lose_copy(redis_client)

    assert not is_lost(ledger)
