"""Ends a worker process that can't be interrupted, with its traceback in the log.

Dramatiq's TimeLimit sets an exception in the thread, which takes effect when that thread next runs
Python code. A thread stuck in a C call never does, and while a C call holds the GIL no thread
does. For these there is the C-level timer of `faulthandler`, which needs no GIL. A daemon thread
keeps setting it to the moment when the first of the running messages is overdue; so it goes off
when that moment comes, and also when the thread can't run to set it anew.

    worker threads   write `_deadlines`, each its own key, before and after an actor
    watchdog thread  reads `_deadlines`, sets the timer
    faulthandler     goes off without asking anybody: traceback to stderr, then _exit(1)

The supervisor starts the process again, Dramatiq gives the message to another worker, and after a
few such deaths `DeliveryLimit` ends it.
"""

import faulthandler
import threading
import time
from collections.abc import Iterable
from typing import Any

import dramatiq

INTERVAL_SECONDS = 0.5
_AT_ONCE_SECONDS = 0.001
_STDERR = 2


def seconds_until_overdue(
    deadlines: Iterable[float], now: float, limit_seconds: float, grace_seconds: float
) -> float:
    """Say when the timer must go off: `grace_seconds` after the first of the deadlines.

    While nothing runs, a message may start at any moment, and hold the GIL at once: that is
    noticed a whole limit later, and no sooner than it may be.
    """
    earliest = min(deadlines, default=now + limit_seconds + INTERVAL_SECONDS)
    return max(_AT_ONCE_SECONDS, earliest - now + grace_seconds)


class Watchdog(dramatiq.Middleware):
    """Exits the process when a message runs for its limit and `grace_seconds`.

    Its limit is the one that TimeLimit keeps to: its actor's own, if any, or `limit_seconds`.
    """

    def __init__(self, limit_seconds: float, grace_seconds: float = 4) -> None:
        self._limit_seconds = limit_seconds
        self._grace_seconds = grace_seconds
        self._deadlines: dict[int, float] = {}

    def after_process_boot(self, broker: dramatiq.Broker) -> None:
        """Start watching; Dramatiq's command line calls this once in each worker process."""
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def before_process_message(self, broker: dramatiq.Broker, message: Any) -> None:
        """Note when this thread's message is due."""
        self._deadlines[threading.get_ident()] = time.monotonic() + self._limit_of(broker, message)

    def after_process_message(
        self,
        broker: dramatiq.Broker,
        message: Any,
        *,
        result: object = None,
        exception: BaseException | None = None,
    ) -> None:
        """Forget it."""
        self._deadlines.pop(threading.get_ident(), None)

    def after_skip_message(self, broker: dramatiq.Broker, message: Any) -> None:
        """Forget it."""
        self._deadlines.pop(threading.get_ident(), None)

    def _limit_of(self, broker: dramatiq.Broker, message: Any) -> float:
        own_ms = broker.get_actor(message.actor_name).options.get("time_limit")
        return self._limit_seconds if own_ms is None else own_ms / 1000

    def _watch(self) -> None:
        while True:
            # list() of a dict's values is one step under the GIL; iterating it would not be.
            seconds = seconds_until_overdue(
                list(self._deadlines.values()),
                time.monotonic(),
                self._limit_seconds,
                self._grace_seconds,
            )
            faulthandler.dump_traceback_later(seconds, exit=True, file=_STDERR)
            time.sleep(INTERVAL_SECONDS)
