"""Waiting for something to happen, with a deadline and a message that says what did not."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_POLL_SECONDS = 0.05


def wait_until(what: str, check: Callable[[], T], seconds: float = 30) -> T:
    """Call `check` until it gives something true, and give that; fails the test if it does not."""
    deadline = time.monotonic() + seconds
    while not (found := check()):
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds} s still not: {what}")
        time.sleep(_POLL_SECONDS)
    return found
