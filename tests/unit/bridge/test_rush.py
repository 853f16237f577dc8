"""How many calls receive at once, and that none of them waits, or costs what another brought."""

import threading

import pytest

from bridge.messages import Message
from bridge.ports import QueueUnavailable
from bridge.rush import Rush, next_calls
from tests.fake_queue import FakeQueue


class BusyQueue(FakeQueue):
    """Notes each call; so many of the first fail."""

    def __init__(self, messages: int, fails: int = 0) -> None:
        super().__init__()
        self.asked: list[tuple[int, bool]] = []
        self._fails = fails
        self._lock = threading.Lock()
        for _ in range(messages):
            self.put("a body")

    def receive(self, max_messages: int, *, waits: bool = True) -> list[Message]:
        with self._lock:
            self.asked.append((max_messages, waits))
            if len(self.asked) <= self._fails:
                raise QueueUnavailable("EndpointConnectionError")
            return super().receive(max_messages, waits=waits)


@pytest.fixture
def rush() -> Rush:
    return Rush(4)


@pytest.mark.parametrize(
    ("calls", "wanted", "received", "then"),
    [
        (1, 10, 10, 2),
        (2, 20, 20, 4),
        (4, 40, 39, 4),
        (4, 40, 20, 4),
        (4, 40, 19, 1),
        (1, 10, 0, 1),
        # There was room for no more.
        (2, 3, 3, 4),
    ],
)
def test_so_many_calls_follow(calls: int, wanted: int, received: int, then: int) -> None:
    assert next_calls(calls, wanted, received) == then


def test_while_each_receive_is_full_more_calls_are_made_up_to_the_most(rush: Rush) -> None:
    queue, calls = BusyQueue(messages=300), []
    for _ in range(4):
        calls.append(rush.calls)
        rush.receive(queue, 10 * rush.calls, waits=True)
    assert calls == [1, 2, 4, 4]


def test_a_single_call_may_wait_and_none_of_several_does(rush: Rush) -> None:
    """What one brings would wait for the other: SQS may have nothing more for it."""
    queue = BusyQueue(messages=100)
    rush.receive(queue, 10, waits=True)
    assert len(rush.receive(queue, 25, waits=True)) == 25
    assert queue.asked == [(10, True), (10, False), (10, False), (5, False)]


def test_a_call_that_fails_costs_nothing_of_what_others_brought(rush: Rush) -> None:
    queue = BusyQueue(messages=100, fails=1)
    assert len(rush.receive(queue, 40, waits=True)) == 30


def test_if_all_calls_fail_so_does_the_receive(rush: Rush) -> None:
    with pytest.raises(QueueUnavailable):
        rush.receive(BusyQueue(messages=100, fails=4), 40, waits=True)


def test_an_error_that_is_not_sqs_s_passes_through(rush: Rush) -> None:
    class BrokenQueue(BusyQueue):
        def receive(self, max_messages: int, *, waits: bool = True) -> list[Message]:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        rush.receive(BrokenQueue(messages=1), 40, waits=True)
