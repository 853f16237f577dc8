"""The bench's old way works like the predecessor: a forked process for each message."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from bench.site import Site
from tools.aws.faults import Faults, ServiceFaults

ROOT = Path(__file__).parents[3]
MESSAGES = 3
COMMAND = [sys.executable, "-m", "bench.predecessor", str(MESSAGES)]
SLOW = Faults(ses=ServiceFaults(latency_ms=300))
"""So that a message takes long enough for its process to be seen."""

_LOOK_SECONDS = 0.02


@pytest.fixture
def site(folder: Path) -> Iterator[Site]:
    own = folder / "predecessor"
    own.mkdir(mode=0o755)
    site = Site(own, owners=1)
    yield site
    site.close()


def test_each_message_is_handled_in_a_forked_process_of_its_own(site: Site) -> None:
    site.reset()
    site.aws.set_faults(SLOW)
    site.aws.load(site.arrived(MESSAGES, 2_000))

    parent = subprocess.Popen(
        COMMAND, cwd=ROOT, env=site.stack.environ, stdout=subprocess.PIPE, text=True
    )
    command_lines = watch_children(parent)
    printed = parent.stdout.read() if parent.stdout else ""

    assert parent.returncode == 0
    # A forked process has its parent's command line; a spawned one says that it was spawned.
    assert list(command_lines.values()) == [COMMAND] * MESSAGES
    assert json.loads(printed)["messages"] == MESSAGES
    assert len(site.aws.sent()) == site.count_forwarded() == MESSAGES
    assert site.aws.count(site.aws.queue_url) == 0


def watch_children(parent: subprocess.Popen[str]) -> dict[int, list[str]]:
    """Wait until a process ends; gives the command lines of all that it started, by process id."""
    seen: dict[int, list[str]] = {}
    while True:
        try:
            parent.wait(_LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            seen = _children(parent.pid) | seen
        else:
            return seen


def _children(pid: int) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for child in psutil.Process(pid).children():
        with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            found[child.pid] = child.cmdline()
    return found
