"""The queues' gauges: what waits in SQS, and what waits, is delayed or is dead in Redis."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.broker import NAMESPACE
from bridge.inbox import QueueCounts

if TYPE_CHECKING:
    from redis import Redis


@dataclass(frozen=True, slots=True)
class Gauge:
    """One number at one moment: the metric's name, its value, the queue it is about."""

    name: str
    value: float
    queue: str


def sqs_gauges(queue: str, counts: QueueCounts) -> Iterator[Gauge]:
    """Give SQS's approximate counts of one queue, under the names that operators chart."""
    yield Gauge("email_queue_count", counts.visible, queue)
    yield Gauge("email_queue_count_delayed", counts.delayed, queue)
    yield Gauge("email_queue_count_not_visible", counts.not_visible, queue)


def redis_gauges(client: "Redis", queues: Iterable[str], now_ms: int) -> Iterator[Gauge]:
    """Give the depth of each of Dramatiq's queues.

    `redis_queue_oldest_s` is how long ago the message at the queue's head was first enqueued, in
    seconds; 0 for an empty queue.
    """
    for queue in queues:
        name = f"{NAMESPACE}:{queue}"
        with client.pipeline(transaction=False) as pipeline:
            pipeline.llen(name)
            pipeline.hlen(f"{name}.DQ.msgs")
            pipeline.zcard(f"{name}.XQ")
            pipeline.lindex(name, 0)
            depth, delayed, dead_letters, head = pipeline.execute()
        yield Gauge("redis_queue_count", depth, queue)
        yield Gauge("redis_queue_delayed", delayed, queue)
        yield Gauge("redis_queue_dead_letters", dead_letters, queue)
        yield Gauge("redis_queue_oldest_s", _age_seconds(client, name, head, now_ms), queue)


def _age_seconds(client: "Redis", name: str, head: bytes | None, now_ms: int) -> float:
    message = client.hget(f"{name}.msgs", head.decode()) if head is not None else None
    if message is None:
        return 0
    enqueued_ms: int = json.loads(message).get("message_timestamp", now_ms)
    return max(0, (now_ms - enqueued_ms) / 1000)
