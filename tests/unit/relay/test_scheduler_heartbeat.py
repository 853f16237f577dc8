"""A scheduler beats between its jobs, but only as long as it enqueues them."""

import time

import pytest

from bridge.ledger.heartbeats import Process, Role
from relay.worker.middleware.heartbeat import SendHeartbeats


class Rounds:
    """Stands for the event that ends the thread, after three rounds."""

    left = 3

    def wait(self, _seconds: float) -> bool:
        self.left -= 1
        return self.left < 0


class Beats:
    def __init__(self) -> None:
        self.beaten: list[Process] = []

    def beat(self, process: Process) -> None:
        self.beaten.append(process)


@pytest.mark.parametrize(("idle_seconds", "expected"), [(0, 3), (61, 3), (131, 0)])
def test_a_scheduler_that_enqueues_nothing_falls_silent(
    monkeypatch: pytest.MonkeyPatch, idle_seconds: float, expected: int
) -> None:
    beats, scheduler = Beats(), Process(Role.SCHEDULER, 20)
    sender = SendHeartbeats(beats)  # type: ignore[arg-type]
    monkeypatch.setattr(sender, "_stopped", Rounds())
    monkeypatch.setattr(sender, "_enqueued", time.monotonic() - idle_seconds)

    sender._beat_while_enqueuing(scheduler)

    assert beats.beaten == [scheduler] * expected
