"""After a failover the old primary lives on as a read-only replica; everybody finds the new one.

Lesson 52: its READONLY comes as a command's error, in Redis 6.2 within a script's, so no client
reconnected, and nothing was processed until somebody restarted the processes.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from bridge.ledger.dispatch import Dispatched
from bridge.messages import Handle
from runtime.redis_client import connect, connect_fail_fast
from tests.integration.redis_faults.conftest import FaultyRelay
from tests.ledger import put_in_flight
from tests.redis_servers import BINARIES, FailingOver

pytestmark = pytest.mark.servers


@pytest.fixture(params=BINARIES)
def servers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FailingOver]:
    """A primary and its address, of each Redis on this machine."""
    servers = FailingOver(tmp_path, BINARIES[request.param])
    yield servers
    servers.stop()


def write(client: redis.Redis) -> object:
    return client.set("name", "new")


def run_a_script(client: redis.Redis) -> object:
    return client.register_script("return redis.call('SET', KEYS[1], 'new')")(keys=["name"])


def run_a_pipeline(client: redis.Redis) -> object:
    with client.pipeline(transaction=False) as pipeline:
        pipeline.get("name")
        pipeline.set("name", "new")
        return pipeline.execute()[1]


def run_a_transaction(client: redis.Redis) -> object:
    with client.pipeline(transaction=True) as pipeline:
        pipeline.get("name")
        pipeline.set("name", "new")
        return pipeline.execute()[1]


@pytest.mark.parametrize("call", [write, run_a_script, run_a_pipeline, run_a_transaction])
def test_a_call_that_the_old_primary_refuses_is_carried_out_by_the_new_one(
    servers: FailingOver, call: Callable[[redis.Redis], object]
) -> None:
    client = connect(servers.url)
    call(client)
    servers.demote()
    servers.repoint()

    assert call(client)

    assert redis.Redis.from_url(servers.primary.url).get("name") == b"new"
    servers.wait_until_nobody_is_at_the_old_primary()


def test_a_batch_is_dispatched_though_the_new_primary_has_not_its_script(
    servers: FailingOver,
) -> None:
    client = connect(servers.url)
    put_in_flight(client, Handle("m1", "handle"))
    servers.demote()
    servers.repoint()

    assert put_in_flight(client, Handle("m2", "handle")) is Dispatched.ENQUEUED


def test_while_there_is_no_new_primary_a_call_fails_as_if_the_connection_were_broken(
    servers: FailingOver,
) -> None:
    """Dramatiq and the bridge's loops survive that, and try again."""
    client = connect_fail_fast(servers.url)
    servers.demote()

    with pytest.raises(redis.ConnectionError, match="read only"):
        client.set("name", "new")
    servers.repoint()

    assert client.set("name", "new")


def test_one_refused_call_makes_the_whole_process_leave_the_old_primary(
    servers: FailingOver,
) -> None:
    writing, reading = connect(servers.url), connect_fail_fast(servers.url)
    writing.get("name")
    reading.get("name")
    servers.demote()
    servers.repoint()

    writing.set("name", "new")
    reading.get("name")

    servers.wait_until_nobody_is_at_the_old_primary()


def test_a_connection_that_only_reads_leaves_the_old_primary_when_it_is_too_old(
    servers: FailingOver,
) -> None:
    reading = connect(servers.url, max_age_seconds=0)
    reading.get("name")
    servers.demote()
    servers.repoint()

    reading.get("name")

    servers.wait_until_nobody_is_at_the_old_primary()


def test_bridge_and_workers_go_on_within_ten_seconds_of_a_failover(relay: FaultyRelay) -> None:
    servers = relay.servers
    bridge = relay.stack.start_bridge()
    workers = relay.stack.start_workers(threads=4)
    relay.deliver(20)
    relay.wait_for_sent(20)

    servers.demote()
    relay.deliver(20)
    relay.wait_for_log(bridge, "remote error, waiting", error_type="NotThePrimary")
    servers.repoint()
    started = time.monotonic()
    relay.wait_for_sent(40)

    assert time.monotonic() - started < 10
    relay.wait_for_empty_queue()
    assert (relay.sent(), relay.dead_letters(), relay.in_sqs_dead_letter_queue()) == (40, 0, 0)
    assert bridge.is_running()
    assert workers.is_running()
