"""A clock that nobody can set, and that goes on while the machine is suspended."""

import time

# Other systems than Linux have no such clock: there, a suspended machine stops it.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def uptime_seconds() -> float:
    """Return the seconds since some moment, usually the machine's start."""
    return time.clock_gettime(_CLOCK)
