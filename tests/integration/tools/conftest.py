"""Programs that start our local servers, and a check for leftover processes."""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.waiting import wait_until
from tools.local.processes import passed_on


@pytest.fixture
def own_folder() -> Iterator[Path]:
    """A folder for one test. PostgreSQL's user has no access to pytest's own."""
    with tempfile.TemporaryDirectory(prefix="relay-local-") as name:
        yield Path(name)


class Program:
    """A Python program in its own process group, with its temporary files in `folder`."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self._output = folder / "program.out"
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, *arguments],
                env=passed_on() | {"TMPDIR": str(folder), "PYTHONUNBUFFERED": "1"},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        """Its output so far."""
        return self._output.read_text()

    def wait_until_it_prints(self, text: str) -> None:
        """Wait until it prints `text`. If it ends first, fail with its output."""
        wait_until(f"{text!r} printed", lambda: text in self.output or self._has_ended())
        assert text in self.output, self.output

    def is_gone(self) -> bool:
        """Return whether all processes that it started have ended."""
        return not self.has_left()

    def has_left(self) -> list[str]:
        """List its running descendants."""
        return [line for pid in running_pids() if (line := self._describe(pid))]

    def _describe(self, pid: int) -> str | None:
        # Redis and PostgreSQL overwrite their environment with their process titles; they are
        # found by their output, which goes into our folder.
        process = Path("/proc") / str(pid)
        try:
            environ = (process / "environ").read_bytes().split(b"\0")
            prints_to = str((process / "fd" / "2").readlink())
            title = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            return None  # just ended, or another user's
        is_of_program = f"TMPDIR={self.folder}".encode() in environ
        is_of_program |= prints_to.startswith(str(self.folder))
        return f"{pid} {title}" if is_of_program and pid != self.process.pid else None

    def _has_ended(self) -> bool:
        return self.process.poll() is not None


def running_pids() -> Iterator[int]:
    """Yield the ids of all processes except zombies."""
    for path in Path("/proc").glob("[0-9]*"):
        try:
            state = (path / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state != "Z":
            yield int(path.name)


StartProgram = Callable[..., Program]


@pytest.fixture
def start(own_folder: Path) -> Iterator[StartProgram]:
    """Start programs. They are killed at the end, and even then must leave no process."""
    programs: list[Program] = []

    def started(*arguments: str) -> Program:
        programs.append(Program(own_folder, *arguments))
        return programs[-1]

    yield started
    for program in programs:
        program.process.kill()
        program.process.wait()
        wait_until("nothing left behind", program.is_gone)
