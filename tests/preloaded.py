"""Starts the relay's processes as forks of one that has the libraries, and nothing of ours.

To import them takes more than a second of CPU, which was half of what the tests did. A fork is a
process like any other: it has a session of its own, and reads its settings from its environment.
`make demo` and the chaos run start processes as operators do.

A library that reads its environment when it is imported must not be among them, such as Dramatiq.
"""

import gc
import json
import os
import random
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from tools.local import processes

LIBRARIES = (
    *("asyncio", "ctypes.util", "email.mime.multipart", "http.server", "logging.config"),
    *("boto3.session", "botocore.client", "botocore.handlers", "botocore.signers"),
    *("s3transfer.manager", "obstore.store", "obstore.auth.boto3", "urllib3"),
    *("cryptography.x509", "cryptography.hazmat.primitives.asymmetric.padding"),
    *("cryptography.fernet", "cryptography.hazmat.primitives.ciphers.aead"),
    *("psycopg.types.json", "redis", "redis.connection", "markus", "environ", "webencodings"),
    *("sentry_sdk", "sentry_sdk.integrations.django", "sentry_sdk.integrations.logging"),
    *("django.core.management.commands.migrate", "django.core.management.commands.shell"),
    *("django.db.backends.postgresql.base", "django.forms.models", "django.views.generic"),
    *("django.template.backends.django", "django.contrib.staticfiles.storage"),
)
_MAX_BYTES = 200_000
_NOT_OURS = 3
"""The first descriptor that is none of the standard ones."""


class Forked:
    """A process that was forked, with what `tools.local.processes` uses of `subprocess.Popen`."""

    def __init__(self, command: Sequence[str], pid: int, status: int) -> None:
        self.args = command
        self.pid = pid
        self._status = status
        self._code: int | None = None

    def poll(self) -> int | None:
        """Return its exit code, or None if it runs."""
        return self._read(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it ends. Raises `subprocess.TimeoutExpired`."""
        code = self._read(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return code

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def _read(self, seconds: float | None) -> int | None:
        if self._code is None:
            poll = select.poll()
            poll.register(self._status, select.POLLIN)
            if not poll.poll(None if seconds is None else seconds * 1000):
                return None
            # Nothing to read: whoever could tell has died, and its forks with it.
            self._code = int(os.read(self._status, 16) or -signal.SIGKILL)
            os.close(self._status)
        return self._code


class Nursery:
    """The process that is forked; started with the first fork."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None

    def launch(
        self,
        command: Sequence[str],
        environ: Mapping[str, str],
        output: IO[bytes],
        errors: IO[bytes],
    ) -> processes.Launched:
        """Run a command. What is not Python's, or no module or script, is started as usual."""
        program, *arguments = command
        if program != sys.executable or arguments[0] == "-c":
            return processes.launch(command, environ, output, errors)
        told, status = os.pipe()
        request = {"arguments": arguments, "environ": dict(environ), "folder": str(Path.cwd())}
        with self._lock:
            nursery = self._socket = self._socket or _start()
            files = [output.fileno(), errors.fileno(), status]
            socket.send_fds(nursery, [json.dumps(request).encode()], files)
            os.close(status)
            return Forked(command, int(nursery.recv(16)), told)


def _start() -> socket.socket:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        command = [sys.executable, "-u", "-m", "tests.preloaded", str(theirs.fileno())]
        # It ends with us, when our end of the socket is closed.
        subprocess.Popen(command, pass_fds=[theirs.fileno()], start_new_session=True)
    return ours


def _serve(requests: socket.socket) -> dict[str, Any] | None:
    """Fork for each request; returns one in its fork, and None when there are no more."""
    woken, wakes = os.pipe()
    os.set_blocking(wakes, False)
    signal.set_wakeup_fd(wakes)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    statuses: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([requests.fileno(), woken], [], [])
        if woken in ready:
            os.read(woken, 4096)
            _tell_ended(statuses)
        if requests.fileno() not in ready:
            continue
        text, files, _, _ = socket.recv_fds(requests, _MAX_BYTES, 3)
        if not text:
            return None
        output, errors, status = files
        pid = os.fork()
        if pid == 0:
            _become_its_own(output, errors)
            request: dict[str, Any] = json.loads(text)
            return request
        os.close(output)
        os.close(errors)
        statuses[pid] = status
        requests.send(str(pid).encode())


def _tell_ended(statuses: dict[int, int]) -> None:
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            pid, code = ended
            with suppress(BrokenPipeError):
                os.write(statuses[pid], str(os.waitstatus_to_exitcode(code)).encode())
            os.close(statuses.pop(pid))


def _become_its_own(output: int, errors: int) -> None:
    os.setsid()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, file in enumerate((nothing, output, errors)):
        os.dup2(file, number)
    os.closerange(_NOT_OURS, os.sysconf("SC_OPEN_MAX"))


def _run(request: dict[str, Any]) -> None:
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environ"])
    time.tzset()
    random.seed()
    first, *others = request["arguments"]
    if first == "-m":
        name, *others = others
        sys.argv, sys.path[0] = [name, *others], request["folder"]
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    else:
        sys.argv, sys.path[0] = [first, *others], str(Path(first).parent)
        runpy.run_path(first, run_name="__main__")


def main() -> None:
    """Import the libraries, and fork until the tests end."""
    for name in LIBRARIES:
        import_module(name)
    gc.freeze()
    requests = socket.socket(fileno=int(sys.argv[1]))
    request = _serve(requests)
    if request is not None:
        requests.detach()
        _run(request)


if __name__ == "__main__":
    main()
