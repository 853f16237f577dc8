"""Messages in flight of a bridge that is gone are adopted by one other bridge."""

import redis

from bridge.ledger import keys
from bridge.messages import Handle
from bridge.visibility import Leases
from tests.fake_queue import FakeQueue
from tests.ledger import Ledger, a_visibility, put_in_flight

VISIBILITY_SECONDS = 120


class Bridge:
    """A bridge's heartbeat, and what it leases."""

    def __init__(self, name: str, queue: FakeQueue, client: redis.Redis) -> None:
        self.name, self.leases = name, Leases()
        self.visibility = a_visibility(
            queue, client, self.leases, bridge=name, visibility_seconds=VISIBILITY_SECONDS
        )

    def beat(self) -> None:
        self.visibility.beat()

    @property
    def leased(self) -> list[str]:
        return [handle.message_id for handle in self.leases.snapshot()]


class World:
    """A queue and two bridges; the first has a message in flight, and both are alive."""

    def __init__(self, client: redis.Redis, queue: str = "mail") -> None:
        self.client, self.sqs = client, FakeQueue(visibility_seconds=VISIBILITY_SECONDS)
        self.one, self.other = (Bridge(name, self.sqs, client) for name in ("one", "other"))
        self.other.beat()
        self.sqs.put("a mail", "message-1")
        (message,) = self.sqs.receive(1)
        self.handle = Handle("message-1", message.receipt_handle)
        put_in_flight(client, self.handle, bridge="one", queue=queue)
        self.one.leases.add(self.handle)
        self.one.beat()

    def end(self, bridge: Bridge) -> None:
        """Let its sign of life expire."""
        self.client.delete(keys.bridge(bridge.name))


def test_what_a_live_bridge_has_nobody_takes(redis_client: redis.Redis) -> None:
    world = World(redis_client)

    world.other.beat()

    assert (world.one.leased, world.other.leased) == (["message-1"], [])


def test_a_bridge_counts_as_alive_until_one_and_a_half_heartbeats_after_its_last(
    redis_client: redis.Redis,
) -> None:
    World(redis_client)

    assert 44_000 < redis_client.pttl(keys.bridge("one")) <= 45_000


def test_what_a_dead_bridge_had_is_hidden_on_by_another_and_never_received_again(
    redis_client: redis.Redis,
) -> None:
    world = World(redis_client)
    world.end(world.one)

    for _ in range(10):
        world.other.beat()
        world.sqs.pass_time(VISIBILITY_SECONDS - 1)

    assert world.other.leased == ["message-1"]
    assert world.sqs.count().visible == 0


def test_a_bridge_that_was_taken_for_dead_leaves_it_to_the_other(redis_client: redis.Redis) -> None:
    """It was suspended, or could not reach SQS."""
    world = World(redis_client)
    world.end(world.one)
    world.other.beat()

    world.one.beat()

    assert (world.one.leased, world.other.leased) == ([], ["message-1"])


def test_a_bridge_that_stops_in_order_leaves_it_to_another_at_once_and_well_hidden(
    redis_client: redis.Redis,
) -> None:
    world = World(redis_client)
    world.sqs.pass_time(VISIBILITY_SECONDS - 1)

    world.one.visibility.leave()
    world.sqs.pass_time(VISIBILITY_SECONDS - 1)
    world.other.beat()

    assert world.other.leased == ["message-1"]
    assert world.sqs.count().visible == 0


def test_of_two_bridges_one_adopts_it(redis_client: redis.Redis) -> None:
    world = World(redis_client)
    third = Bridge("third", world.sqs, redis_client)
    world.end(world.one)

    for bridge in (world.other, third):
        bridge.beat()

    assert (world.other.leased, third.leased) == (["message-1"], [])


def test_a_bridge_of_another_queue_leaves_it_alone(redis_client: redis.Redis) -> None:
    """It could neither hide nor delete it."""
    world = World(redis_client, queue="mail-dead-letters")
    world.end(world.one)

    world.other.beat()

    assert world.other.leased == []


def test_what_an_operator_requeued_is_leased_again_by_the_bridge_that_had_it(
    redis_client: redis.Redis,
) -> None:
    """Nobody else would release it if Redis lost it."""
    world = World(redis_client)
    world.one.leases.drop([world.handle])

    world.one.beat()

    assert world.one.leased == ["message-1"]


def test_what_a_dead_bridge_had_and_redis_lost_is_released_at_once(
    redis_client: redis.Redis, ledger: Ledger
) -> None:
    world = World(redis_client)
    redis_client.delete("relay:inbound", "relay:inbound.msgs")
    world.end(world.one)

    world.other.beat()

    assert world.sqs.count().visible == 1
    assert ledger.in_flight.find_all() == {}
