"""The periodic jobs of the operators' tools."""

import logging
import time
from functools import cache
from typing import TYPE_CHECKING

import dramatiq
import markus
from django.conf import settings
from periodiq import cron
from redis.exceptions import RedisError

from bridge.ledger.dead_letter_limit import count_bytes_anew
from emails.relay_import.lag import find_caught_up_at
from emails.store import held, mailbox_breakers
from emails.values.errors import NotFinished
from emails.wire import DEFAULT_QUEUE
from relay.operations import held_gauges, history, import_gauges, week
from relay.operations.read_gauges import read_gauges
from runtime.failures import fields_of
from runtime.redis_client import connect

if TYPE_CHECKING:
    from redis import Redis

logger = logging.getLogger(__name__)
metrics = markus.get_metrics()

_redis = cache(connect)


@dramatiq.actor(
    periodic=cron("* * * * *"), queue_name=DEFAULT_QUEUE, max_retries=0, time_limit=50_000
)
def publish_gauges() -> None:
    """Publish the gauges, log them, and store them for the dashboard's charts."""
    minute = int(time.time() // 60)
    client = _redis(settings.CONFIG.redis_url)
    try:
        count_bytes_anew(client)
    except RedisError as error:
        logger.warning("dead letters not counted", extra=fields_of(error))
    _count_held_mails(client)
    gauges = read_gauges(client, settings.CONFIG)
    for gauge in gauges:
        metrics.gauge(gauge.name, gauge.value, tags=gauge.tags)
    logger.info("gauges", extra={"gauges": {gauge.label: gauge.value for gauge in gauges}})
    try:
        history.record(client, minute, gauges)
        week.record(client, minute)
    except RedisError as error:
        logger.warning("gauges not kept", extra=fields_of(error))


def _count_held_mails(client: "Redis") -> None:
    try:
        held_gauges.keep(
            client,
            held.count_by_reason(),
            held.find_oldest_release(),
            mailbox_breakers.count_open(),
        )
        if settings.CONFIG.source_database_url is not None:
            import_gauges.keep(client, find_caught_up_at())
    except (NotFinished, RedisError) as error:
        logger.warning("held mails not counted", extra=fields_of(error))
