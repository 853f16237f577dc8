"""The gauges: what waits in SQS and Redis and for how long, what is in flight, which processes
live.

Metrics, the log line, the history and the dashboard share their names.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.ledger.dead_letter_limit import find_bytes
from bridge.ledger.heartbeats import Heartbeat, Role
from bridge.ledger.in_flight import InFlight
from bridge.ledger.keys import NAMESPACE
from bridge.ports import QueueCounts
from emails.edges.pending_deletions import key_of
from emails.wire import DEFAULT_QUEUE, FEEDBACK_QUEUE, INBOUND_QUEUE
from runtime.breakers import OpenBreaker
from runtime.dependencies import Dependency

if TYPE_CHECKING:
    from redis import Redis

REDIS_QUEUES = (INBOUND_QUEUE, FEEDBACK_QUEUE, DEFAULT_QUEUE)


@dataclass(frozen=True, slots=True)
class Gauge:
    """One number at one moment: the metric's name, its value, and a tag for its subject."""

    name: str
    value: float
    tag: tuple[str, str] | None = None

    @property
    def label(self) -> str:
        """Its name and tag in one word: `email_queue_count:mail`."""
        return self.name if self.tag is None else f"{self.name}:{self.tag[1]}"

    @property
    def tags(self) -> list[str]:
        """Its tag, in markus's form."""
        return [] if self.tag is None else [":".join(self.tag)]


def sqs_gauges(queue: str, counts: QueueCounts) -> Iterator[Gauge]:
    """Yield SQS's approximate counts of one queue, under the names that operators chart."""
    tag = ("queue", queue)
    yield Gauge("email_queue_count", counts.visible, tag)
    yield Gauge("email_queue_count_delayed", counts.delayed, tag)
    yield Gauge("email_queue_count_not_visible", counts.not_visible, tag)


def redis_gauges(client: "Redis", now_ms: int) -> Iterator[Gauge]:
    """Yield the depth of each of Dramatiq's queues.

    `redis_queue_oldest_s` is how long ago the message at the queue's head was first enqueued, in
    seconds; 0 for an empty queue.
    """
    for queue in REDIS_QUEUES:
        name, tag = f"{NAMESPACE}:{queue}", ("queue", queue)
        with client.pipeline(transaction=False) as pipeline:
            pipeline.llen(name)
            pipeline.hlen(f"{name}.DQ.msgs")
            pipeline.zcard(f"{name}.XQ")
            pipeline.lindex(name, 0)
            depth, delayed, dead_letters, head = pipeline.execute()
        yield Gauge("redis_queue_count", depth, tag)
        yield Gauge("redis_queue_delayed", delayed, tag)
        yield Gauge("redis_queue_dead_letters", dead_letters, tag)
        yield Gauge("redis_queue_oldest_s", _age_seconds(client, name, head, now_ms), tag)


def dead_letter_gauges(client: "Redis") -> Iterator[Gauge]:
    """Yield the bytes of all dead letters."""
    yield Gauge("dead_letter_bytes", find_bytes(client))


def in_flight_gauges(in_flight: InFlight, now_ms: int) -> Iterator[Gauge]:
    """Yield the number of messages in flight, and the age of the oldest, in seconds."""
    yield Gauge("in_flight", in_flight.count(now_ms))
    oldest_ms = in_flight.find_oldest_ms(now_ms)
    yield Gauge("in_flight_oldest_s", 0 if oldest_ms is None else max(0, now_ms - oldest_ms) / 1000)


def pending_deletion_gauges(client: "Redis", bucket: str) -> Iterator[Gauge]:
    """Yield the number of mails pending deletion from S3."""
    yield Gauge("discarded_mails", client.scard(key_of(bucket)))


def breaker_gauges(open_ones: Iterable[OpenBreaker], now_ms: int) -> Iterator[Gauge]:
    """Yield for each circuit breaker how long it has been open, in seconds; 0 if it is closed."""
    since = {breaker.dependency: breaker.since_ms for breaker in open_ones}
    for dependency in Dependency:
        # An open breaker never counts as closed, whatever the clocks say.
        seconds = max(1, now_ms - since[dependency]) / 1000 if dependency in since else 0
        yield Gauge("breaker_open_s", seconds, ("breaker", dependency))


def process_gauges(heartbeats: Iterable[Heartbeat]) -> Iterator[Gauge]:
    """Yield the number of live processes of each role."""
    alive = Counter(beat.process.role for beat in heartbeats if beat.is_alive)
    for role in Role:
        yield Gauge("processes_alive", alive[role], ("role", role))


def _age_seconds(client: "Redis", name: str, head: bytes | None, now_ms: int) -> float:
    message = client.hget(f"{name}.msgs", head.decode()) if head is not None else None
    if message is None:
        return 0
    enqueued_ms: int = json.loads(message).get("message_timestamp", now_ms)
    return max(0, (now_ms - enqueued_ms) / 1000)
