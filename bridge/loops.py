"""A loop that survives errors: it logs them, backs off, and goes on."""

import logging
import random
from collections.abc import Callable
from threading import Event

from redis.exceptions import RedisError

from bridge.ports import QueueUnavailable, QueueUnusable
from runtime.failures import fields_of

logger = logging.getLogger(__name__)

REMOTE_ERRORS = (RedisError, QueueUnavailable, QueueUnusable)
"""Failures of the network and of the servers behind it."""


_MOST_SECONDS = 30.0

REMOTE_SECONDS = 5.0
"""The longest wait after a remote error: a bridge is back within seconds of the server."""


class Backoff:
    """How long to wait after repeated failures: twice as long each time, with jitter."""

    def __init__(self, first_seconds: float = 0.5) -> None:
        self._first_seconds = first_seconds
        self._failures = 0

    def next_seconds(self, most_seconds: float = _MOST_SECONDS) -> float:
        """Count a failure; returns how long to wait, at most `most_seconds`."""
        longest: float = min(most_seconds, self._first_seconds * 2**self._failures)
        self._failures = min(self._failures + 1, 16)
        return longest * random.uniform(0.5, 1)

    def reset(self) -> None:
        """Start over, after a success."""
        self._failures = 0


def run_loop(name: str, step: Callable[[], bool], until: Event) -> None:
    """Call `step` until the event is set. A step returns whether it succeeded.

    After a step that failed or raised, wait; the event cuts the wait short.
    """
    backoff = Backoff()
    while not until.is_set():
        most_seconds = _MOST_SECONDS
        try:
            succeeded = step()
        except Exception as error:  # noqa: BLE001 - the loop survives any error
            _log(name, error)
            succeeded = False
            if isinstance(error, REMOTE_ERRORS):
                most_seconds = REMOTE_SECONDS
        if succeeded:
            backoff.reset()
        else:
            until.wait(backoff.next_seconds(most_seconds))


def _log(name: str, error: Exception) -> None:
    is_remote = isinstance(error, REMOTE_ERRORS)
    logger.log(
        logging.WARNING if is_remote else logging.ERROR,
        "remote error, waiting" if is_remote else "unexpected error, waiting",
        exc_info=None if is_remote else error,
        extra={
            "loop": name,
            **fields_of(error),
            "client_error_code": getattr(error, "code", None),
        },
    )
