"""Waiting for a condition, with a deadline."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_SHORTEST, _LONGEST = 0.02, 0.2


def wait_until(what: str, check: Callable[[], T], seconds: float = 60) -> T:
    """Call `check` until its result is true, and return that. Fails after `seconds`.

    The default is long: a machine with other work may take it, and who succeeds doesn't wait.
    """
    began = time.monotonic()
    while not (found := check()):
        waited = time.monotonic() - began
        if waited > seconds:
            raise AssertionError(f"after {seconds} s still not: {what}")
        # A check may ask servers: asked less and less often, they have more time for their work.
        time.sleep(min(max(_SHORTEST, waited / 10), _LONGEST))
    return found
