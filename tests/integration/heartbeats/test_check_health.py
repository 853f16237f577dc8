"""`manage.py check_health`: what a container's health check asks, of real processes."""

from signal import SIGKILL

import pytest

from bridge.ledger.heartbeats import Heartbeats, Role
from tests.integration.conftest import Relay
from tests.waiting import wait_until
from tools.local.stack import CommandFailed


def roles(relay: Relay) -> set[Role]:
    return {beat.process.role for beat in Heartbeats(relay.redis).find_all() if beat.is_alive}


def test_each_process_is_healthy_while_it_runs(relay: Relay) -> None:
    relay.stack.start_workers()
    bridge = relay.stack.start_bridge()
    relay.stack.start_scheduler()
    web, origin = relay.stack.start_web()
    wait_until("all to beat", lambda: len(roles(relay)) == len(Role), seconds=65)
    bridge.send(SIGKILL)
    del relay.stack.environ["PROCESS_EMAIL_HEALTHCHECK_PATH"]

    said = [relay.stack.manage("check_health", role).strip() for role in Role]
    said.append(relay.stack.manage("check_health", "web", "--url", origin).strip())

    assert [line.split(":")[0] for line in said] == ["bridge", "worker", "scheduler", "web"]
    web.stop()
    with pytest.raises(CommandFailed, match=r"web: http://.*/__lbheartbeat__ gives no answer"):
        relay.stack.manage("check_health", "web", "--url", origin)


def test_a_killed_worker_is_unhealthy_in_one_line(relay: Relay) -> None:
    workers = relay.stack.start_workers()
    wait_until("its heartbeat", lambda: Role.WORKER in roles(relay))
    workers.send_to_group(SIGKILL)
    for key in relay.redis.scan_iter("relay:heartbeat:worker:*"):
        relay.redis.pexpire(key, relay.redis.pttl(key) - 60_000)

    with pytest.raises(CommandFailed) as failed:
        relay.stack.manage("check_health", "worker")

    (line,) = str(failed.value).splitlines()
    assert "beat last 6" in line
    assert "allowed are 20 s" in line


def test_a_bridge_with_a_health_file_is_judged_by_it(relay: Relay) -> None:
    bridge = relay.stack.start_bridge()
    wait_until("a health file", relay.stack.health_path.exists)
    assert "bridge: made progress" in relay.stack.manage("check_health", "bridge")

    bridge.stop()
    relay.stack.health_path.write_text("{}")
    with pytest.raises(CommandFailed, match="is not a health file"):
        relay.stack.manage("check_health", "bridge")


def test_a_redis_that_is_down_is_said_to_be(relay: Relay) -> None:
    relay.stack.environ["REDIS_URL"] = "redis://127.0.0.1:1/0"

    with pytest.raises(
        CommandFailed, match=r"Redis \(127.0.0.1:1\) can't be asked: Connection refused"
    ):
        relay.stack.manage("check_health", "worker")
