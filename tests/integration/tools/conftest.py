"""Programs that start our local servers, and the search for what they leave behind."""

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
    """A folder of this test's own; not pytest's, which PostgreSQL's user may not enter."""
    with tempfile.TemporaryDirectory(prefix="relay-local-") as name:
        yield Path(name)


class Program:
    """A Python program, started as a user would, whose temporary files are in `folder`."""

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
        """What it has printed so far."""
        return self._output.read_text()

    def wait_until_it_prints(self, text: str) -> None:
        """Wait for the text; fails the test with the program's output if it ends without."""
        wait_until(f"{text!r} printed", lambda: text in self.output or self._has_ended())
        assert text in self.output, self.output

    def is_gone(self) -> bool:
        """Whether none of its processes is left."""
        return not self.has_left()

    def has_left(self) -> list[str]:
        """List the processes that it started, directly or not, and that still run."""
        return [line for pid in running_pids() if (line := self._describe(pid))]

    def _describe(self, pid: int) -> str | None:
        # Redis and PostgreSQL overwrite their environment with their titles; but what they print
        # goes into our folder.
        process = Path("/proc") / str(pid)
        try:
            environ = (process / "environ").read_bytes().split(b"\0")
            prints_to = str((process / "fd" / "2").readlink())
            title = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            return None  # it has just ended, or is not ours to look into
        is_of_program = f"TMPDIR={self.folder}".encode() in environ
        is_of_program |= prints_to.startswith(str(self.folder))
        return f"{pid} {title}" if is_of_program and pid != self.process.pid else None

    def _has_ended(self) -> bool:
        return self.process.poll() is not None


def running_pids() -> Iterator[int]:
    """List the ids of all processes but zombies, which only wait for somebody to take note."""
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
    """Start a program; it is killed at the end, and must not leave anything behind even then."""
    programs: list[Program] = []

    def started(*arguments: str) -> Program:
        programs.append(Program(own_folder, *arguments))
        return programs[-1]

    yield started
    for program in programs:
        program.process.kill()
        program.process.wait()
        wait_until("nothing left behind", program.is_gone)
