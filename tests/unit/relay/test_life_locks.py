"""A process is known to be dead if it is, and only then."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from relay.worker.life_locks import LifeLocks, folder_for

LIVE = """
import sys
from pathlib import Path
from relay.worker.life_locks import LifeLocks
LifeLocks(Path(sys.argv[1])).hold("worker:1", "a note")
print("alive", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "locks"


@pytest.fixture
def process(folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Another process, which holds its lock."""
    command = [sys.executable, "-c", LIVE, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"alive\n"
        yield process
        process.kill()


def dead_in(folder: Path) -> list[tuple[str, str]]:
    """Bury the dead; returns whom."""
    buried: list[tuple[str, str]] = []
    LifeLocks(folder).bury_dead(lambda name, note: buried.append((name, note)))
    return buried


def test_a_killed_process_is_buried_once(folder: Path, process: "subprocess.Popen[bytes]") -> None:
    assert dead_in(folder) == []

    process.kill()
    process.wait()

    assert dead_in(folder) == [("worker:1", "a note")]
    assert dead_in(folder) == []


def test_a_suspended_process_is_not_dead(folder: Path, process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGSTOP)

    assert dead_in(folder) == []


def test_a_process_does_not_bury_itself(folder: Path) -> None:
    LifeLocks(folder).hold("worker:1", "")

    assert dead_in(folder) == []


def test_who_ends_in_order_leaves_nothing_to_bury(folder: Path) -> None:
    locks = LifeLocks(folder)
    locks.hold("worker:1", "")
    locks.release()

    assert dead_in(folder) == []


def test_who_is_not_locked_yet_is_not_dead(folder: Path) -> None:
    folder.mkdir()
    (folder / ".worker:1").touch()

    assert dead_in(folder) == []


def test_a_burial_that_fails_is_repeated(folder: Path, process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()

    def fail(name: str, note: str) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        LifeLocks(folder).bury_dead(fail)

    assert dead_in(folder) == [("worker:1", "a note")]


def test_a_folder_that_others_may_write_to_is_not_used(folder: Path) -> None:
    """They could declare the living dead."""
    folder.mkdir()
    folder.chmod(0o777)

    with pytest.raises(PermissionError):
        LifeLocks(folder).hold("worker:1", "")


def test_workers_share_a_folder_if_they_share_a_redis() -> None:
    one = folder_for("redis://:secret@redis.example:6379/0")

    assert one == folder_for("redis://:rotated@redis.example:6379/0")
    assert one != folder_for("redis://:secret@redis.example:6379/1")
