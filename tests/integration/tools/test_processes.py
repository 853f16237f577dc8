"""A process that we start ends with us, whatever becomes of it or of us."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.tools.conftest import StartProgram, running_pids
from tests.waiting import wait_until
from tools.local.processes import NotReady, Process, passed_on

# Starts a child that ignores SIGTERM, as a stuck worker does, and tells its id.
PARENT = """
import signal, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('ready', flush=True); time.sleep(600)"])
{}
print("child", child.pid, flush=True)
time.sleep(600)
"""
STUBBORN = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
TOLD_TWICE = """told = []
signal.signal(signal.SIGTERM, lambda *_: told.append(1) or print("told", len(told), flush=True))"""
TOLD_TO_STOP = (
    "signal.signal(signal.SIGINT, lambda *_: (print('stopping', flush=True), sys.exit(3)))"
)

# Starts a process as the demo does, and waits to be killed.
OWNER = """
import sys, time
from pathlib import Path
from tools.local.processes import Process, passed_on
Process("parent", [sys.executable, "-c", sys.argv[1]], passed_on(), Path(sys.argv[2]))
print("owner is ready", flush=True)
time.sleep(600)
"""


def a_process(folder: Path, program: str, **options: Any) -> Process:
    command = [sys.executable, "-c", program]
    return Process("parent", command, passed_on(), folder / "parent.log", **options)


def child_of(log: Path) -> int:
    """Wait for both, and give the id of the child."""
    wait_until(
        "both run", lambda: log.exists() and {"child", "ready"} <= set(log.read_text().split())
    )
    words = log.read_text().split()
    return int(words[words.index("child") + 1])


def test_stopping_a_process_ends_what_it_started(own_folder: Path) -> None:
    process = a_process(own_folder, PARENT.format(""))
    child = child_of(process.log)

    assert process.stop() == -signal.SIGTERM
    wait_until("the child is gone", lambda: child not in running_pids())


def test_a_process_that_will_not_stop_is_killed(own_folder: Path) -> None:
    process = a_process(own_folder, PARENT.format(STUBBORN))
    child = child_of(process.log)

    assert process.stop(seconds=0.1) == -signal.SIGKILL
    wait_until("the child is gone", lambda: child not in running_pids())


def test_a_process_is_asked_to_stop_by_the_signal_that_it_wants(own_folder: Path) -> None:
    process = a_process(own_folder, PARENT.format(TOLD_TO_STOP), stop_signal=signal.SIGINT)
    child_of(process.log)

    assert process.stop() == 3
    assert "stopping" in process.tail()


def test_a_process_that_was_asked_to_stop_is_not_asked_again(own_folder: Path) -> None:
    process = a_process(own_folder, PARENT.format(TOLD_TWICE))
    child_of(process.log)

    process.ask_to_stop()
    wait_until("it is told", lambda: "told 1" in process.tail())
    process.stop(seconds=0.1)

    assert "told 2" not in process.tail()


def test_a_process_may_be_stopped_twice(own_folder: Path) -> None:
    process = a_process(own_folder, "raise SystemExit(7)")
    assert process.wait(10) == 7

    assert (process.stop(), process.stop()) == (7, 7)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_process_does_not_outlive_its_killed_owner(
    start: StartProgram, own_folder: Path, number: signal.Signals
) -> None:
    log = own_folder / "parent.log"
    owner = start("-c", OWNER, PARENT.format(STUBBORN), str(log))
    owner.wait_until_it_prints("owner is ready")
    child = child_of(log)

    owner.process.send_signal(number)
    owner.process.wait()

    wait_until("nothing left behind", lambda: not owner.has_left())
    assert child not in running_pids()


def test_a_signal_to_the_owners_group_does_not_reach_the_process(
    start: StartProgram, own_folder: Path
) -> None:
    """As a Ctrl-C in a terminal does, which goes to all of the foreground's group."""
    owner = start("-c", OWNER, PARENT.format(""), str(own_folder / "parent.log"))
    owner.wait_until_it_prints("owner is ready")
    child = child_of(own_folder / "parent.log")

    assert os.getpgid(child) not in (os.getpgid(owner.process.pid), os.getpgid(0))


def test_what_ends_instead_of_coming_up_is_told_with_its_log(own_folder: Path) -> None:
    process = a_process(own_folder, "print('no such port'); raise SystemExit(3)")

    with pytest.raises(NotReady, match="parent ended with code 3:\nno such port"):
        process.wait_until(lambda: False)


def test_what_does_not_come_up_in_time_is_stopped(own_folder: Path) -> None:
    process = a_process(own_folder, PARENT.format(""))
    child = child_of(process.log)

    with pytest.raises(NotReady, match=r"parent is not ready after 0\.1 s"):
        process.wait_until(lambda: False, seconds=0.1)

    assert not process.is_running()
    wait_until("the child is gone", lambda: child not in running_pids())
