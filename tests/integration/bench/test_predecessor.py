"""The bench's old way works like the predecessor: a forked process for each message."""

import json
import subprocess
import sys
from collections.abc import Iterator
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


@pytest.fixture
def site(folder: Path) -> Iterator[Site]:
    own = folder / "predecessor"
    own.mkdir(mode=0o755)
    site = Site(own)
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
    while parent.poll() is None:
        for child in psutil.Process(parent.pid).children():
            try:
                seen.setdefault(child.pid, child.cmdline())
            except (psutil.NoSuchProcess, psutil.ZombieProcess):
                continue
    return seen
