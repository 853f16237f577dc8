"""What operators do with lanes: see them, and release one. The command and the page use it."""

import logging
import re
from collections.abc import Sequence

from django.conf import settings

from bridge.ledger.lanes import Lanes
from relay.operations.fail_fast import fail_fast_redis
from relay.operations.lanes.whose import Whose, find_whose

logger = logging.getLogger(__name__)

MOST_HOURS = 72
"""A release has an end: whoever was wanted once may flood another day."""

IN_FLIGHT_GOES_ON = "What is in flight already goes as it was going to: behind other mail."

_NAME = re.compile(r"[0-9a-f]{18}")


class NotAllowed(Exception):
    """The text says what is wrong, and what is allowed."""


def find(names: Sequence[str], number: int) -> list[Whose]:
    """Find lanes of these names or, without any, the busiest. Errors of Redis pass through.

    Raises `NotAllowed` if a name is none.
    """
    for name in names:
        _check(name)
    lanes = _lanes()
    return find_whose(lanes.find(names) if names else lanes.find_busiest(number), settings.CONFIG)


def release(name: str, hours: float, *, by: str) -> None:
    """Let a lane's mail go before other mail for so many hours; 0: no longer.

    Raises `NotAllowed`. Errors of Redis pass through.
    """
    _check(name)
    if not 0 <= hours <= MOST_HOURS:
        raise NotAllowed(f"a lane is released for up to {MOST_HOURS} hours, not for {hours:g}")
    seconds = round(hours * 3600)
    _lanes().release(name, seconds)
    logger.warning("lane released", extra={"lane": name, "by": by, "seconds": seconds})


def _check(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise NotAllowed(f"{name!r} is no lane: a lane's name has 18 digits of 0-9 and a-f")


def _lanes() -> Lanes:
    return Lanes(fail_fast_redis(settings.CONFIG.redis_url))
