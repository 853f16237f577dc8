"""Counts in Redis the mails that may be part of a loop.

    relay:answers:MASK:CORRESPONDENT    the deliveries of the last hour, by time

Mask and correspondent are keyed hashes. If Redis is wiped or away, a loop gets a few rounds more;
no mail is stopped for that.
"""

import logging
from datetime import datetime
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from runtime.failures import fields_of

if TYPE_CHECKING:
    from redis import Redis

logger = logging.getLogger(__name__)

WINDOW_SECONDS = 3600


class RedisBrake:
    """The counts of all workers."""

    def __init__(self, client: "Redis") -> None:
        self._redis = client

    def find_earlier(self, mask: str, correspondent: str, delivery: str, now: datetime) -> int:
        """Count a delivery, once; return how many there were before it within the last hour."""
        key, at = f"relay:answers:{mask}:{correspondent}", now.timestamp()
        try:
            with self._redis.pipeline() as pipeline:
                pipeline.zremrangebyscore(key, "-inf", at - WINDOW_SECONDS)
                pipeline.zadd(key, {delivery: at}, nx=True)
                pipeline.zrank(key, delivery)
                pipeline.expire(key, WINDOW_SECONDS)
                _, _, earlier, _ = pipeline.execute()
        except RedisError as error:
            logger.warning("answer not counted", extra=fields_of(error))
            return 0
        return int(earlier or 0)
