"""Waiting for a condition, with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_POLL_SECONDS = 0.05


def wait_until(what: str, check: Callable[[], T], seconds: float = 60) -> T:
    """Call `check` until its result is true, and return that. Fails after `seconds`.

    The default is long: a machine with other work may take it, and who succeeds doesn't wait.
    """
    deadline = time.monotonic() + seconds
    while not (found := check()):
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds} s still not: {what}")
        time.sleep(_POLL_SECONDS)
    return found
