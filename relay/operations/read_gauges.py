"""Reads all gauges. A source that is down is logged; only its own gauges are missing."""

import logging
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from bridge.ledger.heartbeats import Heartbeats
from bridge.ledger.in_flight import InFlight
from bridge.ports import QueueUnavailable, QueueUnusable
from relay.config import RelayConfig
from relay.operations import held_gauges
from relay.operations.fail_fast import connect_queue
from relay.operations.gauges import (
    Gauge,
    breaker_gauges,
    dead_letter_gauges,
    in_flight_gauges,
    pending_deletion_gauges,
    process_gauges,
    redis_gauges,
    sqs_gauges,
)
from relay.operations.open_breakers import open_breakers

if TYPE_CHECKING:
    from redis import Redis

logger = logging.getLogger(__name__)


def read_gauges(client: "Redis", config: RelayConfig) -> list[Gauge]:
    """Read the gauges, from Redis through `client` and from SQS."""
    now_ms = int(time.time() * 1000)
    breakers = breaker_gauges(open_breakers.find(client, now_ms), now_ms)
    return [*breakers, *_of_redis(client, config, now_ms), *_of_sqs(config)]


def _of_redis(client: "Redis", config: RelayConfig, now_ms: int) -> list[Gauge]:
    in_flight = InFlight(client, config.max_lifetime_seconds)
    try:
        return [
            *redis_gauges(client, now_ms),
            *dead_letter_gauges(client),
            *in_flight_gauges(in_flight, now_ms),
            *pending_deletion_gauges(client, config.bucket),
            *held_gauges.find(client, now_ms),
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
            queue = connect_queue(url, config.region)
            yield from sqs_gauges(queue.queue_name, queue.count())
        except (QueueUnavailable, QueueUnusable) as error:
            logger.warning("queue not counted", extra={"client_error_code": error.code})
