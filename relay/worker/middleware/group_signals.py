"""Makes one SIGTERM to the whole process group one order to stop, and not two.

Dramatiq's master passes SIGTERM on to its workers, and a worker takes a second one for "at once",
dropping what it does. When a terminal or a container runtime signals the whole group, each worker
gets the signal itself and then once more from the master. What comes within a moment of the first
one is therefore the same order, told twice; a later one still means "at once".
"""

import signal
import time
from collections.abc import Callable
from types import FrameType

import dramatiq

SAME_ORDER_SECONDS = 2.0

Handler = Callable[[int, FrameType | None], object]


class GroupSignals(dramatiq.Middleware):
    """Wraps the handlers that Dramatiq's command line installed in a worker process."""

    def after_process_boot(self, broker: dramatiq.Broker) -> None:
        """Wrap them; Dramatiq calls this in the worker's main thread, once they are in place."""
        for number in (signal.SIGTERM, signal.SIGHUP):
            handler = signal.getsignal(number)
            if callable(handler):
                signal.signal(number, once_a_moment(handler))


def once_a_moment(handler: Handler, clock: Callable[[], float] = time.monotonic) -> Handler:
    """Make a handler that ignores what follows the first signal within SAME_ORDER_SECONDS."""
    first: float | None = None

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal first
        now = clock()
        if first is not None and now - first < SAME_ORDER_SECONDS:
            return
        first = first or now
        handler(number, frame)

    return handle
