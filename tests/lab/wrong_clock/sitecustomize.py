"""A machine with a wrong clock: Python processes that have this folder in PYTHONPATH start with it.

Python's own clocks are wrong by `LAB_CLOCK_AHEAD_SECONDS`. `time.monotonic` is right, as it is on
such a machine.
"""

import datetime as module
import os
import time
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

_AHEAD = timedelta(seconds=float(os.environ["LAB_CLOCK_AHEAD_SECONDS"]))
_time, _time_ns = time.time, time.time_ns


class _OfDatetimes(type):
    def __instancecheck__(cls, one: object) -> bool:
        return isinstance(one, datetime)

    def __subclasscheck__(cls, one: type) -> bool:
        return issubclass(one, datetime)


class _Ahead(datetime, metaclass=_OfDatetimes):
    """Makes plain datetimes: C code, such as psycopg's, knows no other."""

    def __new__(cls, *fields: Any, **named: Any) -> Any:
        return datetime.__new__(datetime, *fields, **named)

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Any:
        return datetime.now(tz) + _AHEAD

    @classmethod
    def utcnow(cls) -> Any:
        return cls.now(UTC).replace(tzinfo=None)

    @classmethod
    def today(cls) -> Any:
        return cls.now()


def _install(at: Any, of_datetimes: Any) -> None:
    at.time = lambda: _time() + _AHEAD.total_seconds()
    at.time_ns = lambda: _time_ns() + int(_AHEAD.total_seconds()) * 10**9
    of_datetimes.datetime = _Ahead


_install(time, module)
