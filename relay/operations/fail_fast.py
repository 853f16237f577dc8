"""Fail-fast connections for interactive pages and probes, each made once per process."""

from functools import cache
from typing import TYPE_CHECKING

from botocore.config import Config
from botocore.exceptions import BotoCoreError

from bridge.ports import QueueUnusable
from bridge.sqs import SqsQueue
from runtime.aws import make_session
from runtime.redis_client import connect_fail_fast

if TYPE_CHECKING:
    from redis import Redis

_CONNECT_SECONDS = 2
_READ_SECONDS = 3


@cache
def fail_fast_redis(url: str) -> "Redis":
    """Connect to Redis; a call fails within two seconds."""
    return connect_fail_fast(url)


@cache
def connect_queue(
    queue_url: str, region: str, wait_seconds: int = 0, visibility_seconds: int = 0
) -> SqsQueue:
    """Connect to an SQS queue; a call fails within seconds, and may wait for one or two.

    Raises `QueueUnusable` if the AWS profile is missing.
    """
    config = Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": 1},
    )
    try:
        client = make_session(region).client("sqs", config=config)
    except BotoCoreError as error:
        raise QueueUnusable(type(error).__name__) from error
    return SqsQueue(queue_url, region, wait_seconds, visibility_seconds, client)
