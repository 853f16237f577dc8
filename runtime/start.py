"""What a process says when it starts: what it understood of its settings, without any secret; and
whether its clock agrees with Redis's, which all processes share.
"""

import logging
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from redis import Redis

logger = logging.getLogger(__name__)

MAX_AHEAD_SECONDS = 2.0
"""By how much a clock may differ: controls, the pace and presence are compared across hosts."""


def host_of(url: str) -> str:
    """Return the host and the port of a URL, without its user and password."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2] or "local"


def compare_clocks(client: "Redis") -> float:
    """Warn if this clock differs from Redis's; returns by how many seconds it is ahead.

    Errors of Redis pass through.
    """
    before = time.time()
    seconds, microseconds = client.time()
    ahead = (before + time.time()) / 2 - (seconds + microseconds / 1_000_000)
    if abs(ahead) > MAX_AHEAD_SECONDS:
        logger.warning("clock differs from redis's", extra={"ahead_s": round(ahead, 1)})
    return ahead
