"""Suspects run alone, those who met fewest deaths first, and nobody waits for long."""

import threading

import pytest

from relay.worker.solitude import HEAD_START_SECONDS, Solitude
from tests.waiting import wait_until


class Threads:
    """Threads that begin something and stay in it until they are let go."""

    def __init__(self, solitude: Solitude) -> None:
        self._solitude = solitude
        self._leaving: dict[str, threading.Event] = {}
        self.running: list[str] = []

    def start(self, name: str, deaths: int = 0) -> None:
        leaving = self._leaving[name] = threading.Event()

        def run() -> None:
            if deaths:
                self._solitude.begin_alone(deaths)
            else:
                self._solitude.begin()
            self.running.append(name)
            leaving.wait(10)
            self.running.remove(name)
            self._solitude.end(is_suspect=bool(deaths))

        threading.Thread(target=run, daemon=True).start()

    def end(self, name: str) -> None:
        self._leaving[name].set()

    def wait_for(self, *names: str) -> None:
        wait_until(f"{names} run", lambda: sorted(self.running) == sorted(names))

    def wait_for_suspects(self, number: int) -> None:
        wait_until("they wait", lambda: len(self._solitude._waiting) == number)


def no_head_start(_: float) -> None:
    """Let a suspect wait for its turn at once."""


@pytest.fixture
def threads() -> Threads:
    return Threads(Solitude(sleep=no_head_start))


def test_messages_run_beside_each_other(threads: Threads) -> None:
    threads.start("one")
    threads.start("two")

    threads.wait_for("one", "two")


def test_a_suspect_waits_for_what_runs_and_holds_up_what_comes(threads: Threads) -> None:
    threads.start("running")
    threads.wait_for("running")
    threads.start("suspect", deaths=1)
    threads.wait_for_suspects(1)
    threads.start("later")

    threads.end("running")
    threads.wait_for("suspect")
    threads.end("suspect")
    threads.wait_for("later")


def test_of_several_suspects_one_runs_at_a_time_and_the_likeliest_last(threads: Threads) -> None:
    threads.start("running")
    threads.wait_for("running")
    for name, deaths in {"likely": 2, "one": 1, "two": 1}.items():
        threads.start(name, deaths)
    threads.wait_for_suspects(3)

    threads.end("running")
    wait_until("the first", lambda: threads.running in (["one"], ["two"]))
    first = threads.running[0]
    other = {"one": "two", "two": "one"}[first]
    threads.end(first)
    threads.wait_for(other)
    threads.end(other)
    threads.wait_for("likely")


@pytest.mark.parametrize("deaths", [1, 2])
def test_what_was_fetched_with_a_suspect_goes_first(deaths: int) -> None:
    """Else it would have to wait for another process, after each death."""
    slept: list[float] = []
    go_on = threading.Event()

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        go_on.wait(10)

    threads = Threads(Solitude(sleep=sleep))
    threads.start("suspect", deaths)
    wait_until("it lets others go first", lambda: slept == [HEAD_START_SECONDS * deaths])
    threads.start("other")
    threads.wait_for("other")

    go_on.set()
    threads.wait_for_suspects(1)
    threads.end("other")
    threads.wait_for("suspect")


@pytest.mark.parametrize("deaths", [0, 1])
def test_nobody_waits_for_long(deaths: int) -> None:
    threads = Threads(Solitude(patience_seconds=0.1, sleep=no_head_start))
    threads.start("stuck", deaths=1 - deaths)
    threads.wait_for("stuck")

    threads.start("other", deaths)

    threads.wait_for("stuck", "other")
