"""The connections of the operators' tools, each made once a process."""

from functools import cache
from typing import TYPE_CHECKING

from bridge.broker import connect_impatiently
from bridge.inbox import Inbox

if TYPE_CHECKING:
    from redis import Redis


@cache
def impatient_redis(url: str) -> "Redis":
    """Connect to Redis for somebody who watches and does not want to wait."""
    return connect_impatiently(url)


@cache
def inbox_of(queue_url: str, region: str) -> Inbox:
    """Connect to an SQS queue, in order to count it. Raises `InboxUnusable` without credentials."""
    return Inbox(queue_url, region, wait_seconds=1, visibility_seconds=30)
