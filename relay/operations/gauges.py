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
from bridge.ledger.lanes import Lanes
from bridge.ports import QueueCounts
from emails.rules.reputation import Trouble, share
from emails.values.account import AccountState
from emails.wire import BULK_QUEUE, DEFAULT_QUEUE, FEEDBACK_QUEUE, INBOUND_QUEUE
from relay.operations.judgement.backlog import Backlog, Part
from relay.operations.judgement.causes import ADVICE, Level
from relay.operations.judgement.facts import Facts
from relay.operations.judgement.verdict import Verdict
from runtime.breakers import OpenBreaker
from runtime.controls.values import Action, Control
from runtime.dependencies import Dependency

if TYPE_CHECKING:
    from redis import Redis

REDIS_QUEUES = (INBOUND_QUEUE, BULK_QUEUE, FEEDBACK_QUEUE, DEFAULT_QUEUE)


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


def lane_gauges(lanes: Lanes, now_ms: int) -> Iterator[Gauge]:
    """Yield how many lanes have mail in flight, and how many have mail in the overflow; how many
    messages that is, and how many seconds ago the oldest that last came back had been sent.
    """
    yield Gauge("lanes_active", lanes.count())
    yield Gauge("lanes_over_share", lanes.count_lanes_behind())
    yield Gauge("overflow_messages", lanes.count_behind())
    sent_ms = lanes.find_overflow_sent_ms()
    yield Gauge("overflow_oldest_s", 0 if sent_ms is None else max(0, now_ms - sent_ms) / 1000)


def breaker_gauges(open_ones: Iterable[OpenBreaker], now_ms: int) -> Iterator[Gauge]:
    """Yield for each circuit breaker how long it has been open, in seconds; 0 if it is closed."""
    since = {breaker.dependency: breaker.since_ms for breaker in open_ones}
    for dependency in Dependency:
        # An open breaker never counts as closed, whatever the clocks say.
        seconds = max(1, now_ms - since[dependency]) / 1000 if dependency in since else 0
        yield Gauge("breaker_open_s", seconds, ("breaker", dependency))


def stall_gauges(verdict: Verdict) -> Iterator[Gauge]:
    """Yield for each cause that stops mail how long it has lasted, in seconds; 0: it is not there.

    What only follows from another cause is not there: one trouble is one alert.
    """
    found = {one.cause: one.seconds for one in verdict.causes}
    for cause, advice in ADVICE.items():
        if advice.level is Level.BAD:
            seconds = max(1.0, found[cause] or 0) if cause in found else 0
            yield Gauge("stall_s", seconds, ("cause", cause))


def fact_gauges(facts: Facts, rate: float | None) -> Iterator[Gauge]:
    """Yield the share of its memory that Redis uses, the canary's age, the present rate limit, and
    how long no mail has arrived. What is not known, or not limited, has no gauge.
    """
    if facts.redis_memory is not None:
        yield Gauge("redis_memory_used", facts.redis_memory)
    if facts.canary_age is not None:
        yield Gauge("canary_age_s", facts.canary_age)
    if rate is not None:
        yield Gauge("send_rate_limit", rate)
    silence = facts.progress.silence(facts.now, "arrived") if facts.progress else None
    if silence is not None:
        yield Gauge("arrived_age_s", silence)


def backlog_gauges(backlog: Backlog | None) -> Iterator[Gauge]:
    """Yield how much mail waits, for how long, when it will be gone, and which part limits that.

    What is not known has no gauge.
    """
    if backlog is None:
        return
    yield Gauge("backlog_messages", backlog.waiting)
    if backlog.seconds is not None:
        yield Gauge("backlog_seconds", backlog.seconds)
    if backlog.clears_in is not None:
        yield Gauge("time_to_clear_seconds", backlog.clears_in)
    for part in Part:
        yield Gauge("limited_by", int(part is backlog.limited_by), ("part", part))


def account_gauges(state: AccountState) -> Iterator[Gauge]:
    """Yield how the sending account is, and what came back of 24 hours' mail, as far as known."""
    if state.account is not None:
        if state.account.per_day:
            yield Gauge("ses_quota_used", state.account.quota_used)
        yield Gauge("ses_under_review", int(state.account.is_under_review))
    if state.sending is not None:
        yield Gauge("bounce_share", share(state.sending, Trouble.BOUNCES))
        yield Gauge("complaint_share", share(state.sending, Trouble.COMPLAINTS))
        yield Gauge("senders_held", len(state.held))


def control_gauges(controls: Iterable[Control], now_ms: int) -> Iterator[Gauge]:
    """Yield how many controls of each kind are in force, for how long the oldest has been, and when
    a pause, or the next freeze, ends, in seconds. The last two only of kinds that are in force.
    """
    active = sorted(
        (one for one in controls if one.is_active(now_ms)), key=lambda one: one.since_ms
    )
    for action in Action:
        own = [one for one in active if one.action is action]
        yield Gauge("controls_active", len(own), ("action", action))
        if own:
            # A pause lasts as long as its last order; each freeze is of something else.
            next_end = max if action.is_pause else min
            end_ms = next_end(one.until_ms for one in own)
            yield Gauge(
                "controls_oldest_s", max(0, now_ms - own[0].since_ms) / 1000, ("action", action)
            )
            yield Gauge("controls_end_in_s", (end_ms - now_ms) / 1000, ("action", action))


def unsettled_gauges(heartbeats: Iterable[Heartbeat], now_ms: int) -> Iterator[Gauge]:
    """Yield how long ago SES received the oldest mail that bridges have and that is not settled.

    Of silent bridges only if none is alive: the others take their messages over. Without any
    bridge, nobody knows.
    """
    bridges = [beat for beat in heartbeats if beat.process.role is Role.BRIDGE]
    bridges = [beat for beat in bridges if beat.is_alive] or bridges
    if bridges:
        oldest_ms = min((b.oldest_ms for b in bridges if b.oldest_ms is not None), default=now_ms)
        yield Gauge("oldest_unsettled_seconds", max(0, now_ms - oldest_ms) / 1000)


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
