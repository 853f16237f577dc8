"""Whether what this thread works on goes before other mail. Set at a message's door.

Flow and edges don't know Dramatiq's queues; this is what they need to know of them.
"""

from collections.abc import Callable
from contextvars import ContextVar

goes_first: ContextVar[bool] = ContextVar("goes_first", default=False)
"""True for feedback, and for mail of lanes with little in flight."""


def _yes() -> bool:
    return True


still_first: ContextVar[Callable[[], bool]] = ContextVar("still_first", default=_yes)
"""Asks the ledger whether that is still so: more of its lane may have come meanwhile. From the
first no on, it is not. Errors of Redis pass through."""


def has_lost_its_place() -> bool:
    """Whether it went before other mail and may no longer. Errors of Redis pass through."""
    return goes_first.get() and not still_first.get()()
