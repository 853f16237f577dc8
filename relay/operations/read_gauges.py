"""Reads all gauges. A source that is down is logged; only its own gauges are missing."""

import logging
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from bridge.ledger.heartbeats import Heartbeats
from bridge.ledger.in_flight import InFlight
from bridge.ledger.lanes import Lanes
from bridge.ports import QueueUnavailable, QueueUnusable
from emails.edges.pace import find_rate
from relay.config import RelayConfig
from relay.operations import held_gauges, import_gauges
from relay.operations.fail_fast import connect_queue
from relay.operations.gauges import (
    Gauge,
    account_gauges,
    backlog_gauges,
    breaker_gauges,
    control_gauges,
    dead_letter_gauges,
    fact_gauges,
    in_flight_gauges,
    lane_gauges,
    process_gauges,
    redis_gauges,
    sqs_gauges,
    stall_gauges,
    unsettled_gauges,
)
from relay.operations.judgement.backlog import find_backlog
from relay.operations.judgement.read import read_facts
from relay.operations.judgement.verdict import judge
from relay.operations.open_breakers import open_breakers
from runtime.controls.store import ControlStore
from runtime.failures import fields_of
from runtime.seals import Seals

if TYPE_CHECKING:
    from redis import Redis

logger = logging.getLogger(__name__)


def read_gauges(client: "Redis", config: RelayConfig) -> list[Gauge]:
    """Read the gauges, from Redis through `client` and from SQS."""
    now_ms = int(time.time() * 1000)
    breakers = breaker_gauges(open_breakers.find(client, now_ms), now_ms)
    return [
        *breakers,
        *_judged(client, config),
        *_of_redis(client, config, now_ms),
        *_of_sqs(config),
    ]


def _judged(client: "Redis", config: RelayConfig) -> list[Gauge]:
    facts = read_facts(client, config)
    return [
        *stall_gauges(judge(facts)),
        *fact_gauges(facts, _rate(client, config)),
        *backlog_gauges(find_backlog(facts)),
        *(account_gauges(facts.account) if facts.account else ()),
    ]


def _rate(client: "Redis", config: RelayConfig) -> float | None:
    try:
        return find_rate(client, config.max_sends_per_second)
    except RedisError:
        return None


def _of_redis(client: "Redis", config: RelayConfig, now_ms: int) -> list[Gauge]:
    in_flight = InFlight(client, config.max_lifetime_seconds)
    controls = ControlStore(client, Seals(config.ledger_secrets))
    try:
        heartbeats = Heartbeats(client).find_all()
        return [
            *redis_gauges(client, now_ms),
            *dead_letter_gauges(client),
            *in_flight_gauges(in_flight, now_ms),
            *lane_gauges(Lanes(client), now_ms),
            *control_gauges(controls.find_all(), now_ms),
            *held_gauges.find(client, now_ms),
            *import_gauges.find(client, now_ms),
            *process_gauges(heartbeats),
            *unsettled_gauges(heartbeats, now_ms),
        ]
    except RedisError as error:
        logger.warning("redis not counted", extra=fields_of(error))
        return []


def _of_sqs(config: RelayConfig) -> Iterator[Gauge]:
    for url in (config.queue_url, config.overflow_queue_url, config.dead_letter_queue_url):
        if url is None:
            continue
        try:
            queue = connect_queue(url, config.region)
            yield from sqs_gauges(queue.queue_name, queue.count())
        except (QueueUnavailable, QueueUnusable) as error:
            logger.warning("queue not counted", extra={"client_error_code": error.code})
