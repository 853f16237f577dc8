"""Tells glibc that threads share their memory.

It would give each thread an arena of its own, and what a thread has freed only that thread uses
again. Ours seldom allocate at once, because of the interpreter's lock.
"""

import ctypes
import os
from contextlib import suppress

_M_ARENA_MAX = -8
"""`mallopt(3)`."""


def share_arena() -> None:
    """Let all threads that start later use one arena, and those of processes forked from this one.

    Does nothing if the environment says how many, or if the C library is another.
    """
    if "MALLOC_ARENA_MAX" not in os.environ:
        with suppress(AttributeError):
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
