"""Lets through the first of what repeats, and then one in a while, with how many were left out."""

import threading
import time
from collections.abc import Callable, Hashable

_MOST_KEYS = 1_000


class Repeats:
    """Thread-safe. `seconds`: how long each kind is left out after one was let through."""

    def __init__(self, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[Hashable, tuple[float, int]] = {}

    def admit(self, kind: Hashable) -> int | None:
        """Return how many of this kind were left out since the last; None: leave this out, too."""
        now = self._clock()
        with self._lock:
            until, left_out = self._known.get(kind, (float("-inf"), 0))
            if now < until:
                self._known[kind] = until, left_out + 1
                return None
            if len(self._known) >= _MOST_KEYS:
                self._known.clear()
            self._known[kind] = now + self._seconds, 0
            return left_out
