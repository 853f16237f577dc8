"""One order to stop may arrive twice; a later signal is a new order."""

import pytest

from relay.worker.middleware.group_signals import SAME_ORDER_SECONDS, once_a_moment


@pytest.mark.parametrize(
    ("what", "times", "obeyed"),
    [
        ("one signal", [10.0], 1),
        ("told by the terminal and by the master", [10.0, 10.1], 1),
        ("told again by somebody in a hurry", [10.0, 10.0 + SAME_ORDER_SECONDS], 2),
        ("all of it", [10.0, 10.1, 13.0], 2),
        ("at the very start of the clock", [0.0, 0.1], 1),
    ],
)
def test_how_often_the_handler_is_called(what: str, times: list[float], obeyed: int) -> None:
    clock = iter(times)
    calls: list[int] = []
    handle = once_a_moment(lambda number, frame: calls.append(number), lambda: next(clock))

    for _ in times:
        handle(15, None)

    assert len(calls) == obeyed, what
