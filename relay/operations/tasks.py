"""The periodic jobs of the operators' tools."""

import logging
import time
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

import dramatiq
import markus
from django.conf import settings
from periodiq import cron
from redis.exceptions import RedisError

from bridge.broker import connect
from bridge.inbox import Inbox, InboxUnavailable, InboxUnusable
from emails.wire import DEFAULT_QUEUE, FEEDBACK_QUEUE, INBOUND_QUEUE
from relay.config import RelayConfig
from relay.operations.gauges import Gauge, redis_gauges, sqs_gauges

if TYPE_CHECKING:
    from redis import Redis

logger = logging.getLogger(__name__)
metrics = markus.get_metrics()

_REDIS_QUEUES = (INBOUND_QUEUE, FEEDBACK_QUEUE, DEFAULT_QUEUE)


@dramatiq.actor(
    periodic=cron("* * * * *"), queue_name=DEFAULT_QUEUE, max_retries=0, time_limit=50_000
)
def publish_gauges() -> None:
    """Publish the queues' gauges, and log them. One source that is down hides only its own."""
    gauges = [*_of_redis(settings.CONFIG), *_of_sqs(settings.CONFIG)]
    for gauge in gauges:
        metrics.gauge(gauge.name, gauge.value, tags=[f"queue:{gauge.queue}"])
    logger.info(
        "gauges",
        extra={"gauges": {f"{gauge.name}:{gauge.queue}": gauge.value for gauge in gauges}},
    )


def _of_redis(config: RelayConfig) -> list[Gauge]:
    try:
        return list(redis_gauges(_redis(config.redis_url), _REDIS_QUEUES, _now_ms()))
    except RedisError as error:
        logger.warning("redis not counted", extra={"error_type": type(error).__name__})
        return []


def _of_sqs(config: RelayConfig) -> Iterator[Gauge]:
    for url in (config.queue_url, config.dead_letter_queue_url):
        if url is None:
            continue
        try:
            inbox = _inbox(url, config.region)
            yield from sqs_gauges(inbox.queue_name, inbox.count())
        except (InboxUnavailable, InboxUnusable) as error:
            logger.warning("queue not counted", extra={"client_error_code": error.code})


@cache
def _redis(url: str) -> "Redis":
    return connect(url)


@cache
def _inbox(url: str, region: str) -> Inbox:
    return Inbox(url, region, wait_seconds=1, visibility_seconds=30)


def _now_ms() -> int:
    return int(time.time() * 1000)
