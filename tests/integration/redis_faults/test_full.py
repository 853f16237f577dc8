"""A Redis that is full: nothing is received that it can't hold, and nothing ends or is lost."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from bridge.ledger.room import Room
from bridge.messages import Handle
from runtime.failures import fields_of
from runtime.redis_client import connect, refuses_for_now
from tests.integration.redis_faults.conftest import FaultyRelay
from tests.ledger import put_in_flight
from tests.redis_servers import BINARIES
from tools.local.redis import LocalRedis

pytestmark = pytest.mark.servers


@pytest.fixture(params=BINARIES)
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[redis.Redis]:
    """A Redis of its own, of each on this machine."""
    server = LocalRedis(tmp_path, binary=BINARIES[request.param])
    yield redis.Redis.from_url(server.url)
    server.stop()


def used(client: redis.Redis) -> int:
    memory: dict[str, int] = client.info("memory")
    return memory["used_memory"]


def limit(client: redis.Redis, factor: float) -> None:
    """Set maxmemory to a multiple of what is used."""
    client.config_set("maxmemory", int(used(client) * factor))


@pytest.mark.parametrize(
    ("factor", "is_left"), [(0, True), (2, True), (1.2, True), (1.05, False), (0.9, False)]
)
def test_a_tenth_of_the_memory_is_left_to_the_workers(
    client: redis.Redis, factor: float, is_left: bool
) -> None:
    client.set("ballast", b"x" * 10_000_000)
    limit(client, factor)

    assert Room(client).is_left() is is_left


def test_a_full_redis_refuses_a_script_for_now(client: redis.Redis) -> None:
    """In 6.2 the error says so only within its text."""
    limit(client, 0.5)

    with pytest.raises(redis.ResponseError) as refused:
        put_in_flight(client, Handle("m1", "handle"))

    assert refuses_for_now(refused.value)


def test_a_full_redis_is_named_with_its_own_words(client: redis.Redis) -> None:
    limit(client, 0.5)
    at = client.connection_pool.connection_kwargs
    url = f"redis://{at['host']}:{at['port']}/0"

    with pytest.raises(redis.RedisError) as refused:
        connect(url).set("x", "y")

    said = fields_of(refused.value)
    assert said["at"] == f"{at['host']}:{at['port']}"
    assert "maxmemory" in said["says"]


def test_the_words_about_a_pipeline_quote_nothing_that_was_written(client: redis.Redis) -> None:
    limit(client, 0.5)

    pipeline = client.pipeline()
    pipeline.set("x", "swordfish (of pipeline caused error: swordfish)")

    with pytest.raises(redis.RedisError) as refused:
        pipeline.execute()

    assert "swordfish" in str(refused.value)
    assert fields_of(refused.value)["says"].startswith("command not allowed")


def test_nothing_ends_or_is_lost_while_redis_is_full(relay: FaultyRelay) -> None:
    """The scheduler ended each time it was restarted; each message was received up to six times."""
    relay.allow_receives(2)  # at most one batch was received when Redis got full
    processes = [
        relay.stack.start_bridge(),
        relay.stack.start_workers(threads=4),
        relay.stack.start_workers(threads=4),
    ]
    relay.deliver(20)
    relay.wait_for_sent(20)
    # What clients' buffers take and give back makes no difference beside it.
    relay.redis.set("ballast", b"x" * 50_000_000)

    limit(relay.redis, 0.9)
    relay.deliver(100)
    processes.append(relay.stack.start_scheduler())
    relay.wait_for_log(processes[3], "periodic job left out")
    for _ in range(3):  # it fills up again and again
        relay.redis.config_set("maxmemory", 0)
        relay.wait_for_sent(relay.sent() + 1)
        limit(relay.redis, 0.9)
        relay.wait_for_log(processes[0], "redis is nearly full, not receiving")
    relay.redis.config_set("maxmemory", 0)
    started = time.monotonic()
    relay.wait_for_sent(120)

    assert time.monotonic() - started < 10
    relay.wait_for_empty_queue()
    assert (relay.sent(), relay.dead_letters(), relay.in_sqs_dead_letter_queue()) == (120, 0, 0)
    assert [process.is_running() for process in processes] == [True] * 4
