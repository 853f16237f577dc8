"""The periodic jobs of the operators' tools."""

import logging
import time
from collections.abc import Iterator
from functools import cache

import dramatiq
import markus
from django.conf import settings
from periodiq import cron
from redis.exceptions import RedisError

from bridge.broker import connect
from bridge.heartbeats import Heartbeats
from bridge.inbox import InboxUnavailable, InboxUnusable
from bridge.inflight import InFlight
from emails.wire import DEFAULT_QUEUE
from relay.config import RelayConfig
from relay.operations import history
from relay.operations.connections import inbox_of
from relay.operations.gauges import (
    Gauge,
    in_flight_gauges,
    process_gauges,
    redis_gauges,
    sqs_gauges,
)

logger = logging.getLogger(__name__)
metrics = markus.get_metrics()

_redis = cache(connect)


@dramatiq.actor(
    periodic=cron("* * * * *"), queue_name=DEFAULT_QUEUE, max_retries=0, time_limit=50_000
)
def publish_gauges() -> None:
    """Publish the gauges, log them, and keep them. One source that is down hides only its own."""
    minute = int(time.time() // 60)
    gauges = [*_of_redis(settings.CONFIG), *_of_sqs(settings.CONFIG)]
    for gauge in gauges:
        metrics.gauge(gauge.name, gauge.value, tags=gauge.tags)
    logger.info("gauges", extra={"gauges": {gauge.label: gauge.value for gauge in gauges}})
    try:
        history.record(_redis(settings.CONFIG.redis_url), minute, gauges)
    except RedisError as error:
        logger.warning("gauges not kept", extra={"error_type": type(error).__name__})


def _of_redis(config: RelayConfig) -> list[Gauge]:
    client, now_ms = _redis(config.redis_url), int(time.time() * 1000)
    in_flight = InFlight(client, config.max_lifetime_seconds)
    try:
        return [
            *redis_gauges(client, now_ms),
            *in_flight_gauges(in_flight, now_ms),
            *process_gauges(Heartbeats(client).find_all()),
        ]
    except RedisError as error:
        logger.warning("redis not counted", extra={"error_type": type(error).__name__})
        return []


def _of_sqs(config: RelayConfig) -> Iterator[Gauge]:
    for url in (config.queue_url, config.dead_letter_queue_url):
        if url is None:
            continue
        try:
            inbox = inbox_of(url, config.region)
            yield from sqs_gauges(inbox.queue_name, inbox.count())
        except (InboxUnavailable, InboxUnusable) as error:
            logger.warning("queue not counted", extra={"client_error_code": error.code})
