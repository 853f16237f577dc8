"""This machine's clocks, and a watch that compares them with the database's.

Claims go by the database's clock, so a wrong clock here sends nothing twice. But it makes AWS
refuse our signatures, certificates look expired, and dates in mails wrong: so the log says it.
"""

import logging
from datetime import UTC, datetime, timedelta
from threading import Lock

from emails.values.deliveries import Instant
from runtime.uptime import uptime_seconds

logger = logging.getLogger(__name__)

MAX_SKEW = timedelta(seconds=10)
"""How far the clocks may differ; also by how much a difference must change to be logged again."""


def read() -> Instant:
    """Read both clocks."""
    return Instant(datetime.now(UTC), uptime_seconds())


class DatabaseClockWatch:
    """Logs that this process's clock differs from the database's: once, and when that changes."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._logged = timedelta(0)

    def compare(self, database: datetime, before: Instant, after: Instant) -> None:
        """Compare with the database's clock, which was read between two moments of ours."""
        skew = _skew(database, before.wall, after.wall)
        with self._lock:
            if abs(skew - self._logged) <= MAX_SKEW:
                return
            self._logged = skew
        seconds = round(skew.total_seconds(), 1)
        if abs(skew) > MAX_SKEW:
            logger.warning("clock differs from the database's", extra={"ahead_s": seconds})
        else:
            logger.info("clock agrees with the database's again", extra={"ahead_s": seconds})


def _skew(database: datetime, before: datetime, after: datetime) -> timedelta:
    """Return how far we are ahead, at least; negative if we are behind."""
    if database < before:
        return before - database
    return min(timedelta(0), after - database)
