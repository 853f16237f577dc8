"""Treats one SIGTERM to the whole process group as one order to stop, not two.

Dramatiq's master forwards SIGTERM to its workers, and a worker takes a second one as "stop at
once", dropping its work. When a terminal or a container runtime signals the whole group, each
worker gets the signal twice: directly and from the master. So a signal right after the first is the
same order; a later one still means "stop at once".
"""

import signal
import time
from collections.abc import Callable
from types import FrameType

import dramatiq

SAME_ORDER_SECONDS = 2.0

Handler = Callable[[int, FrameType | None], object]


class GroupSignals(dramatiq.Middleware):
    """Wraps the signal handlers that Dramatiq's command line installs in a worker process."""

    def after_process_boot(self, broker: dramatiq.Broker) -> None:
        """Wrap them. Dramatiq calls this in the worker's main thread, after installing them."""
        for number in (signal.SIGTERM, signal.SIGHUP):
            handler = signal.getsignal(number)
            if callable(handler):
                signal.signal(number, once_a_moment(handler))


def once_a_moment(handler: Handler, clock: Callable[[], float] = time.monotonic) -> Handler:
    """Make a handler that ignores signals within SAME_ORDER_SECONDS after the first."""
    first: float | None = None

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal first
        now = clock()
        if first is not None and now - first < SAME_ORDER_SECONDS:
            return
        first = first or now
        handler(number, frame)

    return handle
