"""Waits with a worker's thread while Redis refuses what must not be left out.

An attempt that has ended must be recorded: its acknowledgement, its retry, its note. Without that
its message counts as lost, and SQS's next delivery of it is used up. The thread could do nothing
else meanwhile, as Redis gives out no work either; Dramatiq's own acknowledgement waits as well.
"""

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from redis.exceptions import RedisError

from runtime.failures import fields_of
from runtime.redis_client import refuses_for_now

logger = logging.getLogger(__name__)

RETRY_SECONDS = 1.0

T = TypeVar("T")


def patiently(act: Callable[[], T], what: str, *, sleep: Callable[[float], None] = time.sleep) -> T:
    """Call `act` until Redis carries it out. Raises any error that waiting does not end.

    Repeating `act` must be harmless. `what` is for the log.
    """
    while True:
        try:
            return act()
        except RedisError as error:
            if not refuses_for_now(error):
                raise
            logger.warning(
                "waiting for redis",
                extra={
                    "what": what,
                    **fields_of(error),
                },
            )
        sleep(RETRY_SECONDS)
