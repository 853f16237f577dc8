"""Counts how often a reply was left to the other system on a shared queue, in Redis.

    relay:left:MESSAGE   how often: an integer, which expires

If Redis is wiped, the count begins anew. SQS's own limits end it then.
"""

from typing import TYPE_CHECKING

from redis.exceptions import RedisError

if TYPE_CHECKING:
    from redis import Redis

_PREFIX = "relay:left:"
_KEPT_SECONDS = 2 * 24 * 3600


class LeftReplies:
    """Decides whether a reply may go back to the queue. `most` of 0: never."""

    def __init__(self, redis: "Redis", most: int) -> None:
        self._redis = redis
        self._most = most

    def may_leave(self, sns_message_id: str) -> bool:
        """Count one more time, and return whether it is within the limit."""
        if self._most == 0:
            return False
        try:
            with self._redis.pipeline(transaction=True) as pipeline:
                pipeline.incr(_PREFIX + sns_message_id)
                pipeline.expire(_PREFIX + sns_message_id, _KEPT_SECONDS)
                count, _ = pipeline.execute()
        except RedisError:
            return True  # Without Redis nothing is acknowledged, either: SQS delivers it again.
        return int(count) <= self._most
