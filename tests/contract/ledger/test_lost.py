"""A message in flight whose copies in Dramatiq's queues are gone is found, and enqueued anew."""

import redis

from bridge.ledger import keys
from bridge.ledger.dispatch import Dispatched
from bridge.ledger.in_flight import InFlight
from bridge.messages import Handle
from emails import wire
from tests.in_flight import NOW_MS, put_in_flight

ID = "message-1"
HANDLE = Handle(ID, "handle-1")
NEWER = Handle(ID, "handle-2")
QUEUE = keys.queue(wire.INBOUND_QUEUE)
DELAYED = keys.queue(f"{wire.INBOUND_QUEUE}.DQ")


def lose_copy(redis_client: redis.Redis) -> None:
    redis_client.delete(QUEUE, keys.messages_of(QUEUE))


def is_lost(in_flight: InFlight) -> bool:
    (entry,) = in_flight.find([ID])
    assert entry is not None
    return entry.is_lost


def test_a_message_whose_copy_is_gone_is_lost_until_it_is_delivered_again(
    in_flight: InFlight, redis_client: redis.Redis
) -> None:
    put_in_flight(redis_client, HANDLE)
    assert not is_lost(in_flight)

    lose_copy(redis_client)
    assert is_lost(in_flight)

    assert put_in_flight(redis_client, NEWER) is Dispatched.ENQUEUED
    assert not is_lost(in_flight)
    assert redis_client.llen(QUEUE) == redis_client.hlen(keys.messages_of(QUEUE)) == 1
    (entry,) = in_flight.find([ID])
    assert entry is not None
    assert entry.handle == NEWER


def test_what_is_lost_makes_room_until_it_is_delivered_again(
    in_flight: InFlight, redis_client: redis.Redis
) -> None:
    put_in_flight(redis_client, HANDLE)
    in_flight.make_room()
    assert in_flight.count(NOW_MS) == 1

    lose_copy(redis_client)
    in_flight.make_room()

    assert in_flight.count(NOW_MS) == 0
    assert put_in_flight(redis_client, NEWER, bridge="b2") is Dispatched.ENQUEUED
    assert in_flight.count(NOW_MS) == 1


def test_a_message_is_lost_once_none_of_its_copies_is_left(
    in_flight: InFlight, redis_client: redis.Redis
) -> None:
    """A retry is enqueued, then noted, and then the attempt before it is acknowledged."""
    put_in_flight(redis_client, HANDLE)
    redis_client.hset(keys.messages_of(DELAYED), "copy-2", "…")
    in_flight.note_queue_entry(ID, copy="copy-2", queue="inbound.DQ")
    lose_copy(redis_client)
    assert not is_lost(in_flight)
    assert put_in_flight(redis_client, NEWER) is Dispatched.IN_FLIGHT

    redis_client.hdel(keys.messages_of(DELAYED), "copy-2")

    assert is_lost(in_flight)


def test_a_message_that_is_retried_for_ever_takes_no_more_room_each_time(
    in_flight: InFlight, redis_client: redis.Redis
) -> None:
    """Copies that are gone are not kept in mind."""
    put_in_flight(redis_client, HANDLE)
    sizes = set()
    for attempt in range(100, 110):
        in_flight.note_queue_entry(ID, copy=f"copy-{attempt}", queue="inbound")
        sizes.add(redis_client.hstrlen(keys.message(ID), "copies"))

    assert len(sizes) == 1


def test_a_message_that_ended_is_not_lost(in_flight: InFlight, redis_client: redis.Redis) -> None:
    put_in_flight(redis_client, HANDLE)
    in_flight.acknowledge(ID, actor_queue="inbound", failure="refused")
    lose_copy(redis_client)

    assert not is_lost(in_flight)
