"""Starts processes, waits until they are ready, and stops them with all their descendants.

They never outlive us: each process has a guard, a shell that waits for the end of its input. We
hold that open; the kernel closes it even if we are killed. (Linux's parent-death signal would reach
only children, not Dramatiq's workers, which are grandchildren.)
"""

import os
import pwd
import random
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals
from tempfile import TemporaryFile
from typing import IO, Any, Protocol

_POLL_SECONDS = 0.05

# $0: the process group; $1: the signal that asks it to stop.
_GUARD = 'read -r _; kill -s "$1" -- "-$0"; sleep 1; kill -s KILL -- "-$0"'


class NotReady(Exception):
    """A process did not become ready in time; the text has the end of its log."""


class Launched(Protocol):
    """A process that was started: what is used of `subprocess.Popen`."""

    @property
    def pid(self) -> int:
        """Its id."""

    def poll(self) -> int | None:
        """Return its exit code, or None if it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it ends. Raises `subprocess.TimeoutExpired`."""

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it runs."""


Launch = Callable[[Sequence[str], Mapping[str, str], IO[bytes], IO[bytes]], Launched]


def launch(
    command: Sequence[str],
    environ: Mapping[str, str],
    output: IO[bytes],
    errors: IO[bytes],
    user: str | None = None,
) -> Launched:
    """Start a process in its own session, without input."""
    return subprocess.Popen(
        command,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=errors,
        start_new_session=True,
        **_as_user(user),
    )


launcher: Launch = launch
"""What starts processes. Tests put another into its place, which is faster."""


def run(command: Sequence[str], environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    with TemporaryFile() as output, TemporaryFile() as errors:
        code = launcher(command, environ, output, errors).wait()
        texts = []
        for file in (output, errors):
            file.seek(0)
            texts.append(file.read().decode())
    return subprocess.CompletedProcess(command, code, *texts)


class Process:
    """One process in its own session, so that a Ctrl-C in the terminal reaches only us.

    Stopping it stops its whole group, because Dramatiq's workers outlive a killed master. It runs
    as `user` if given; only root may do that.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environ: Mapping[str, str],
        log: Path,
        *,
        stop_signal: Signals = SIGTERM,
        user: str | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self._stop_signal = stop_signal
        self._is_asked_to_stop = False
        with log.open("ab") as output:
            start = launcher if user is None else partial(launch, user=user)
            self._popen = start(command, environ, output, output)
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", _GUARD, str(self.pid), stop_signal.name.removeprefix("SIG")],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The id of the process, and also of its session and group."""
        return self._popen.pid

    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._popen.poll() is None

    def wait(self, seconds: float) -> int:
        """Wait until it ends; returns its exit code. Raises `subprocess.TimeoutExpired`."""
        return self._popen.wait(seconds)

    def wait_until(self, is_ready: Callable[[], bool], seconds: float = 60) -> None:
        """Wait until it is ready. If it ends or times out, stops it and raises `NotReady`."""
        deadline = time.monotonic() + seconds
        while not is_ready():
            if not self.is_running():
                reason = f"ended with code {self._popen.poll()}"
            elif time.monotonic() > deadline:
                reason = f"is not ready after {seconds} s"
            else:
                time.sleep(_POLL_SECONDS)
                continue
            self.stop()
            raise NotReady(f"{self.name} {reason}:\n{self.tail()}")

    def send(self, number: Signals) -> None:
        """Send a signal to the process only."""
        if self.is_running():
            self._popen.send_signal(number)

    def send_to_group(self, number: Signals) -> None:
        """Send a signal to the process and its descendants."""
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            return

    def ask_to_stop(self) -> None:
        """Ask it to stop, once: a second signal may mean a forced exit."""
        if not self._is_asked_to_stop:
            self._is_asked_to_stop = True
            self.send(self._stop_signal)

    def stop(self, seconds: float = 20) -> int:
        """Ask it to stop, then kill the rest of its group; returns its exit code."""
        self.ask_to_stop()
        try:
            return self._popen.wait(seconds)
        except subprocess.TimeoutExpired:
            return -int(SIGKILL)
        finally:
            self.send_to_group(SIGKILL)
            self._popen.wait()
            self._dismiss_guard()

    def tail(self, lines: int = 20) -> str:
        """Return the end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _dismiss_guard(self) -> None:
        # Killed, so that it can't signal the group: its id may soon belong to another process.
        self._guard.kill()
        self._guard.wait()
        if self._guard.stdin is not None:
            self._guard.stdin.close()


def _as_user(name: str | None) -> dict[str, Any]:
    if name is None:
        return {}
    entry = pwd.getpwnam(name)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def passed_on() -> dict[str, str]:
    """Return the variables that processes need from our environment, and no settings."""
    return {
        name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ
    }


def free_port() -> int:
    """Find a free loopback port that no outgoing connection can take before it is used.

    Kernels take the ports of connections from 32768 on (Linux) or from above that (macOS).
    """
    while True:
        port = random.randrange(10_000, 32_768)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def is_listening(port: int) -> bool:
    """Whether something listens on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
