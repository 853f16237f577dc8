"""Starts processes, waits until they are ready, and stops them with all that they started."""

import os
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals

_POLL_SECONDS = 0.05


class NotReady(Exception):
    """Something did not come up in time; the text has the end of its log."""


class Process:
    """One process, in a session of its own, so that a Ctrl-C in the terminal reaches only us.

    Stopping it stops all of its session: Dramatiq's workers are grandchildren, and outlive a
    master that is killed.
    """

    def __init__(
        self, name: str, command: Sequence[str], environ: Mapping[str, str], log: Path
    ) -> None:
        self.name = name
        self.log = log
        with log.open("ab") as output:
            self._popen = subprocess.Popen(
                command,
                env=dict(environ),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process's id, and that of its session and group."""
        return self._popen.pid

    def is_running(self) -> bool:
        """Tell whether it has not ended yet."""
        return self._popen.poll() is None

    def wait(self, seconds: float) -> int:
        """Wait for its end; gives its exit code. Raises `subprocess.TimeoutExpired`."""
        return self._popen.wait(seconds)

    def wait_until(self, is_ready: Callable[[], bool], seconds: float = 30) -> None:
        """Wait until it is ready. Raises `NotReady` if it ends before, or does not get there."""
        deadline = time.monotonic() + seconds
        while not is_ready():
            if not self.is_running():
                raise NotReady(f"{self.name} ended with code {self._popen.poll()}:\n{self.tail()}")
            if time.monotonic() > deadline:
                raise NotReady(f"{self.name} is not ready after {seconds} s:\n{self.tail()}")
            time.sleep(_POLL_SECONDS)

    def send(self, number: Signals) -> None:
        """Send a signal to the process alone."""
        if self.is_running():
            self._popen.send_signal(number)

    def send_to_group(self, number: Signals) -> None:
        """Send a signal to the process and all that it started."""
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            return

    def stop(self, seconds: float = 20) -> int:
        """Ask it to stop, and end what is left of its group; gives its exit code."""
        self.send(SIGTERM)
        try:
            return self._popen.wait(seconds)
        except subprocess.TimeoutExpired:
            return -int(SIGKILL)
        finally:
            self.send_to_group(SIGKILL)
            self._popen.wait()

    def tail(self, lines: int = 20) -> str:
        """Give the end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def free_port() -> int:
    """Find a loopback port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_listening(port: int) -> bool:
    """Tell whether somebody answers on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
