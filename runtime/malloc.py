"""glibc's memory: threads share it, and what is free can be given back. With another C library
nothing happens.

glibc would give each thread an arena of its own, and what a thread has freed only that thread uses
again. Ours seldom allocate at once, because of the interpreter's lock.
"""

import ctypes
import os
from contextlib import suppress

_M_ARENA_MAX = -8
"""`mallopt(3)`."""


def share_arena() -> None:
    """Let all threads that start later use one arena, and those of processes forked from this one.

    Does nothing if the environment says how many arenas there may be.
    """
    if "MALLOC_ARENA_MAX" not in os.environ:
        with suppress(AttributeError):
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


def give_back() -> None:
    """Give what is free back to the system. Takes milliseconds."""
    with suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
