"""A loop goes on, whatever its step does."""

from threading import Event

import pytest
import redis

from bridge.loops import REMOTE_SECONDS, Backoff, run_loop
from bridge.ports import QueueUnavailable


def test_waits_grow_to_a_limit_and_start_anew_after_a_success() -> None:
    backoff = Backoff(first_seconds=1)

    waits = [backoff.next_seconds(most_seconds=8) for _ in range(20)]

    for wait, longest in zip(waits, [1, 2, 4, 8, 8, 8], strict=False):
        assert longest / 2 <= wait <= longest
    assert max(waits) <= 8
    backoff.reset()
    assert backoff.next_seconds() <= 1


@pytest.mark.parametrize("error", [redis.ConnectionError(), QueueUnavailable("RequestTimeout")])
def test_however_long_a_server_was_away_a_loop_looks_again_within_seconds(
    error: Exception,
) -> None:
    until = Waits()

    def step() -> bool:
        if len(until.seconds) == 20:
            until.set()
            return True
        raise error

    run_loop("poller", step, until)

    assert REMOTE_SECONDS / 2 <= until.seconds[-1] <= REMOTE_SECONDS == 5


@pytest.mark.parametrize("error", [redis.ConnectionError(), RuntimeError(), KeyError("x")])
def test_a_loop_survives_what_its_step_raises(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    until, calls = Event(), []

    def step() -> bool:
        calls.append(1)
        if len(calls) == 1:
            raise error
        until.set()
        return True

    run_loop("poller", step, until)

    assert len(calls) == 2
    (record,) = caplog.records
    assert vars(record)["loop"] == "poller"
    assert vars(record)["error_type"] == type(error).__name__


class Waits(Event):
    """An event that notes how long somebody would have waited for it, and does not wait."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.seconds.append(timeout)
        return self.is_set()


def test_a_loop_waits_longer_after_each_failure_and_starts_anew_after_a_success() -> None:
    until = Waits()
    steps = iter([False, False, False, True, True, False])

    def step() -> bool:
        succeeded = next(steps, None)
        if succeeded is None:
            until.set()
        return bool(succeeded)

    run_loop("poller", step, until)

    longest = [0.5, 1, 2, 0.5, 1]
    assert len(until.seconds) == len(longest)
    for seconds, most in zip(until.seconds, longest, strict=True):
        assert most / 2 <= seconds <= most
