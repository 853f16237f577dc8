"""A relay in trouble, written into Redis and SQS: for four minutes its workers may not send.

Only what the dashboard reads is there, so nothing has to run, and each picture shows the same.
"""

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bridge.ledger import keys
from bridge.ledger.heartbeats import Heartbeats, Process, Role
from emails.values.held import HeldCount
from emails.values.outcomes import HeldReason
from relay.operations import held_gauges, history
from relay.operations.gauges import Gauge
from runtime.breakers import Breakers
from runtime.dependencies import Dependency
from tools.local.aws import SimulatedAws

if TYPE_CHECKING:
    from redis import Redis

_MINUTES = 60
_TROUBLE_MINUTES = 4
_ARRIVE = 40
_WAIT_IN_SQS = 150
_IN_REDIS = 24
_HOUR = 3_600

_GOOD = {"forwarded": 31, "replied": 2, "blocked": 3, "nomask": 4, "age:1": 26, "age:5": 14}
_BAD = {
    "blocked": 1,
    "not_settled": 13,
    "not_settled:sender_unavailable": 12,
    "not_settled:claimed_elsewhere": 1,
    "age:5": 1,
}


def make_trouble(client: "Redis", aws: SimulatedAws) -> None:
    """Write it. Redis and the queue must be empty."""
    now = time.time()
    present = int(now // 60)
    for role, pid in ((Role.BRIDGE, 101), (Role.WORKER, 201), (Role.WORKER, 202)):
        _beat(client, role, pid, now)
    _beat(client, Role.SCHEDULER, 301, now)
    for minute in range(present - _MINUTES, present + 1):
        _count(client, minute, present)
        if minute < present:
            history.record(client, minute, _gauges(minute, present))
    _open_breaker(client, now)
    _enqueue(client, now)
    spam = HeldCount(5, datetime.now(UTC) - timedelta(hours=3))
    held_gauges.keep(client, {HeldReason.SPAM: spam}, None, 1)
    for _ in range(_WAIT_IN_SQS):
        aws.put("a mail that waits")
    aws.sqs.send_message(QueueUrl=aws.dead_letter_queue_url, MessageBody="no envelope")


def _beat(client: "Redis", role: Role, pid: int, now: float) -> None:
    totals = {"total_messages": 2_391, "deleted": 2_360, "failed_messages": 3}
    Heartbeats(client).beat(
        Process(role, _HOUR, host=f"{role}-1", pid=pid, started=now - 26 * _HOUR),
        totals if role is Role.BRIDGE else {},
        int((now - 60 * _TROUBLE_MINUTES) * 1000) if role is Role.BRIDGE else None,
    )


def _count(client: "Redis", minute: int, present: int) -> None:
    is_bad = minute > present - _TROUBLE_MINUTES
    counts = dict(_BAD) if is_bad else _wavy(_GOOD, minute)
    counts["arrived"] = counts["received"] = 2 if is_bad else _ARRIVE
    if minute in (present - 6, present - 3):
        counts |= {"rejected": 1, "rejected:not_json": 1}
    if minute == present - 5:
        counts |= {"held": 2, "held:spam": 2}
    client.hset(f"relay:tally:{minute}", mapping=counts)  # type: ignore[arg-type]


def _wavy(counts: Mapping[str, int], minute: int) -> dict[str, int]:
    return {name: number + (minute * 7 + len(name)) % 5 for name, number in counts.items()}


def _gauges(minute: int, present: int) -> Iterator[Gauge]:
    bad_minutes = max(0, minute - (present - _TROUBLE_MINUTES))
    waiting = bad_minutes * _WAIT_IN_SQS // _TROUBLE_MINUTES
    yield Gauge("email_queue_count", waiting, ("queue", "mail"))
    yield Gauge("email_queue_count_not_visible", 3 + minute % 3, ("queue", "mail"))
    yield Gauge("email_queue_count", 1, ("queue", "mail-dead-letters"))
    yield Gauge("in_flight", _IN_REDIS + 4 if bad_minutes else 3 + minute % 4)
    yield Gauge("in_flight_oldest_s", bad_minutes * 60)
    yield Gauge("redis_queue_oldest_s", bad_minutes * 60, ("queue", "inbound"))


def _open_breaker(client: "Redis", now: float) -> None:
    breakers = Breakers(client, clock=lambda: now - _TROUBLE_MINUTES * 60 + 15)
    for _ in range(5):
        breakers.failed(Dependency.SES, "AccessDeniedException")


def _enqueue(client: "Redis", now: float) -> None:
    queue, delayed = keys.queue("inbound"), keys.queue("inbound.DQ")
    since_ms = int((now - _TROUBLE_MINUTES * 60) * 1000)
    for n in range(_IN_REDIS):
        message = f'{{"message_timestamp": {since_ms + n}}}'
        client.hset(keys.messages_of(queue), f"waits-{n}", message)
        client.rpush(queue, f"waits-{n}")
        client.zadd(keys.IN_FLIGHT, {f"waits-{n}": since_ms + n})
    for n in range(4):
        client.hset(keys.messages_of(delayed), f"later-{n}", f'{{"message_timestamp": {since_ms}}}')
        client.zadd(keys.IN_FLIGHT, {f"later-{n}": since_ms})
