"""A supervisor of the relay's processes: restarts those that died, and kills on demand."""

import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from signal import SIGCONT, SIGKILL, SIGSTOP

from tests.integration.conftest import children
from tests.lab.wiring import Wiring
from tools.local.processes import Process
from tools.local.stack import Stack

BRIDGES = ("bridge-1", "bridge-2")
WORKERS = ("workers-1", "workers-2", "workers-3")

_LOOK_SECONDS = 0.2
_MANAGE = ["manage.py", "rundramatiq", "--skip-logging", "--processes", "1", "--threads", "4"]


Settings = Callable[[str], Mapping[str, str]]
"""From a process's identity to settings of its own."""


def _none(_: str) -> Mapping[str, str]:
    return {}


@dataclass
class Member:
    """A supervised process. `life` counts its starts."""

    name: str
    command: list[str]
    settings: Settings = _none
    life: int = 1
    lives: list[Process] = field(default_factory=list)

    @property
    def process(self) -> Process:
        """Its present life."""
        return self.lives[-1]

    @property
    def identity(self) -> str:
        """Name and start number; also its AWS access key, by which SES's log names the sender."""
        return f"{self.name}.{self.life}"


class Supervisor:
    """Two bridges and three workers. `killed_at` is when each identity was killed or stopped."""

    def __init__(self, stack: Stack, wiring: Wiring, folder: str) -> None:
        self._stack = stack
        self._wiring = wiring
        self._manage = [f"{folder}/{_MANAGE[0]}", *_MANAGE[1:]]
        self._lock = threading.Lock()
        self._leaving = threading.Event()
        self._paused: set[str] = set()
        self.killed_at: dict[str, list[float]] = defaultdict(list)
        self.members = {name: self._member(name) for name in (*BRIDGES, *WORKERS)}
        self._restarter = threading.Thread(target=self._restart_dead, daemon=True)
        self._restarter.start()

    def kill(self, name: str) -> bool:
        """Kill a process group. Return false if it is paused or down."""
        return self._do(name, lambda member: member.process.send_to_group(SIGKILL))

    def kill_worker(self, name: str) -> bool:
        """Kill the worker processes, but not their master."""

        def kill(member: Member) -> None:
            for pid in children(member.process):
                _kill(pid)

        return self._do(name, kill)

    def restart(self, names: Sequence[str], settings: Settings = _none) -> None:
        """Let these processes end what they do, and start them again with other settings."""
        with self._lock:
            for name in names:
                self.members[name].settings = settings
                self.members[name].process.ask_to_stop()

    def pause(self, name: str, seconds: float) -> bool:
        """Suspend a process group for some seconds. Return false if it is paused or down."""

        def pause(member: Member) -> None:
            self._paused.add(name)
            member.process.send_to_group(SIGSTOP)
            threading.Timer(seconds, self._resume, (member, member.process)).start()

        return self._do(name, pause)

    def stop(self) -> None:
        """Stop restarting, then stop all processes."""
        self._leaving.set()
        self._restarter.join()
        self._stack.stop()

    def logs(self, names: tuple[str, ...]) -> list[Process]:
        """Return all lives of these processes, for their logs."""
        return [life for name in names for life in self.members[name].lives]

    @property
    def restarts(self) -> int:
        """The number of restarts."""
        return sum(member.life - 1 for member in self.members.values())

    def _do(self, name: str, act: Callable[[Member], None]) -> bool:
        with self._lock:
            member = self.members[name]
            if name in self._paused or not member.process.is_running():
                return False
            self.killed_at[member.identity].append(time.time())
            act(member)
            return True

    def _resume(self, member: Member, process: Process) -> None:
        with self._lock:
            process.send_to_group(SIGCONT)
            self._paused.discard(member.name)

    def _restart_dead(self) -> None:
        while not self._leaving.wait(_LOOK_SECONDS):
            with self._lock:
                for member in self.members.values():
                    if not member.process.is_running():
                        self._restart(member)

    def _restart(self, member: Member) -> None:
        # Like a container's end: no child survives.
        member.process.send_to_group(SIGKILL)
        # Exiting by itself, such as by its watchdog, counts as killed.
        self.killed_at[member.identity].append(time.time())
        member.life += 1
        member.lives.append(self._start(member))

    def _member(self, name: str) -> Member:
        command = ["-m", "bridge"] if name in BRIDGES else self._manage
        member = Member(name, command)
        member.lives.append(self._start(member))
        return member

    def _start(self, member: Member) -> Process:
        settings = self._wiring.settings(member.name)
        settings |= {"AWS_ACCESS_KEY_ID": member.identity, "PROCESS_EMAIL_HEALTHCHECK_PATH": ""}
        settings |= member.settings(member.identity)
        return self._stack.start(member.identity, member.command, settings)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, SIGKILL)
    except ProcessLookupError:
        return
