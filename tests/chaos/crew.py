"""The relay's processes, with somebody who starts again what died, as a supervisor does."""

import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from signal import SIGCONT, SIGKILL, SIGSTOP

from tests.integration.conftest import children
from tools.local.processes import Process
from tools.local.stack import Stack

BRIDGES = ("bridge-1", "bridge-2")
WORKERS = ("workers-1", "workers-2", "workers-3")

_LOOK_SECONDS = 0.2
_MANAGE = ["manage.py", "rundramatiq", "--skip-logging", "--processes", "1", "--threads", "4"]


@dataclass
class Member:
    """One process that is kept running, in its present life."""

    name: str
    command: list[str]
    process: Process
    life: int = 1
    lives: list[Process] = field(default_factory=list)

    @property
    def identity(self) -> str:
        """Its name and its life; the access key that it uses AWS with."""
        return f"{self.name}.{self.life}"


class Crew:
    """Two bridges and three workers. `killed_at` says when which life was killed or stopped."""

    def __init__(self, stack: Stack, folder: str) -> None:
        self._stack = stack
        self._manage = [f"{folder}/{_MANAGE[0]}", *_MANAGE[1:]]
        self._lock = threading.Lock()
        self._leaving = threading.Event()
        self._paused: set[str] = set()
        self.killed_at: dict[str, list[float]] = defaultdict(list)
        self.members = {name: self._member(name) for name in (*BRIDGES, *WORKERS)}
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()

    def kill(self, name: str) -> bool:
        """Kill a process and all that it started; false if it is paused, which is enough."""
        return self._do(name, lambda member: member.process.send_to_group(SIGKILL))

    def kill_worker(self, name: str) -> bool:
        """Kill the worker that does the work; its master is left to notice."""

        def kill(member: Member) -> None:
            for pid in children(member.process):
                _kill(pid)

        return self._do(name, kill)

    def pause(self, name: str, seconds: float) -> bool:
        """Stop a process and all that it started; they go on after a while."""

        def pause(member: Member) -> None:
            self._paused.add(name)
            member.process.send_to_group(SIGSTOP)
            threading.Timer(seconds, self._resume, (member, member.process)).start()

        return self._do(name, pause)

    def stop(self) -> None:
        """Let nobody be started again, and everybody leave."""
        self._leaving.set()
        self._keeper.join()
        self._stack.stop()

    def logs(self, names: tuple[str, ...]) -> list[Process]:
        """Give all lives of these processes, for their logs."""
        return [life for name in names for life in self.members[name].lives]

    @property
    def starts(self) -> int:
        """How often something was started again."""
        return sum(member.life - 1 for member in self.members.values())

    def _do(self, name: str, what: Callable[[Member], None]) -> bool:
        with self._lock:
            member = self.members[name]
            if name in self._paused or not member.process.is_running():
                return False
            self.killed_at[member.identity].append(time.time())
            what(member)
            return True

    def _resume(self, member: Member, process: Process) -> None:
        with self._lock:
            process.send_to_group(SIGCONT)
            self._paused.discard(member.name)

    def _keep(self) -> None:
        while not self._leaving.wait(_LOOK_SECONDS):
            with self._lock:
                for member in self.members.values():
                    if not member.process.is_running():
                        self._start_again(member)

    def _start_again(self, member: Member) -> None:
        # As a container's end does: nothing of it stays behind.
        member.process.send_to_group(SIGKILL)
        # One that died by itself, such as by its watchdog, is one that was killed.
        self.killed_at[member.identity].append(time.time())
        member.life += 1
        member.process = self._start(member.identity, member.command)
        member.lives.append(member.process)

    def _member(self, name: str) -> Member:
        command = ["-m", "bridge"] if name in BRIDGES else self._manage
        process = self._start(f"{name}.1", command)
        return Member(name, command, process, lives=[process])

    def _start(self, identity: str, command: list[str]) -> Process:
        settings = {"AWS_ACCESS_KEY_ID": identity, "PROCESS_EMAIL_HEALTHCHECK_PATH": ""}
        return self._stack.start(identity, command, settings)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, SIGKILL)
    except ProcessLookupError:
        return
