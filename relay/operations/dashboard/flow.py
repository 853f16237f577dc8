"""The way of a mail, stage by stage: how much passes, how old it is, and what is stuck. Pure.

SQS → bridges → Redis → workers → SES. Each number leads to the list that it counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from relay.operations.dashboard.snapshot import TALLIED_MINUTES, FromRedis, Snapshot
from relay.operations.dashboard.thresholds import RULES, Unit, judge
from relay.operations.judgement.causes import SIGNS, Level
from relay.operations.judgement.durations import duration
from relay.operations.judgement.facts import Progress


class Kind(StrEnum):
    """What a number says of its stage."""

    RATE = "rate"
    AGE = "age"
    HERE = "here"
    STUCK = "stuck"


@dataclass(frozen=True, slots=True)
class Number:
    """A number of a stage. `value` names a rule's value, or one of `_others`; `link` a list."""

    kind: Kind
    words: str
    value: str
    link: str
    unit: Unit = Unit.MESSAGES


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of the way."""

    name: str
    numbers: tuple[Number, ...]


STAGES = (
    Stage(
        "SQS",
        (
            Number(Kind.RATE, "arrive a minute", "arrived_rate", "charts"),
            Number(Kind.AGE, "since the last mail", "arrived_age", "no-mail", Unit.SECONDS),
            Number(Kind.HERE, "wait", "sqs_waiting", "waiting"),
            Number(Kind.STUCK, "dead letters", "sqs_dead", "sqs_dead_letters"),
        ),
    ),
    Stage(
        "Bridges",
        (
            Number(Kind.RATE, "received a minute", "received_rate", "charts"),
            Number(Kind.AGE, "oldest not settled", "oldest", "ages", Unit.SECONDS),
            Number(Kind.HERE, "alive", "bridges", "processes"),
            Number(Kind.HERE, "in the overflow", "overflow", "lanes"),
            Number(Kind.STUCK, "rejected in ten minutes", "rejected", "reasons"),
            Number(Kind.STUCK, "parked or deferred in ten minutes", "postponed", "parked"),
        ),
    ),
    Stage(
        "Redis",
        (
            Number(Kind.AGE, "oldest that waits", "redis_oldest", "queues", Unit.SECONDS),
            Number(Kind.HERE, "in flight", "in_flight", "lanes"),
            Number(Kind.HERE, "wait for a worker", "redis_waiting", "queues"),
            Number(Kind.STUCK, "to be tried again", "delayed", "retries"),
            Number(Kind.STUCK, "dead letters", "dead_letters", "dead_letters"),
        ),
    ),
    Stage(
        "Workers",
        (
            Number(Kind.RATE, "settled a minute", "settled_rate", "outcomes"),
            Number(Kind.AGE, "old when settled (p95)", "settled_age", "ages", Unit.SECONDS),
            Number(Kind.HERE, "alive", "workers", "processes"),
            Number(Kind.STUCK, "failed attempts in ten minutes", "failing", "reasons"),
            Number(Kind.STUCK, "held for their owners", "held", "held_mails"),
        ),
    ),
    Stage(
        "SES",
        (
            Number(Kind.RATE, "sent a minute", "sent_rate", "deliveries"),
            Number(
                Kind.AGE, "longest wait of a released mail", "releasing", "held_mails", Unit.SECONDS
            ),
            Number(Kind.HERE, "waited for its rate in ten minutes", "pace", "pace"),
            Number(Kind.STUCK, "mailboxes that bounce", "mailboxes", "mailboxes"),
        ),
    ),
)

_RULES = {rule.name: rule for rule in RULES}
_SENT = ("forwarded", "replied")


def flow_of(
    snapshot: Snapshot,
    values: Mapping[str, float | None],
    ages: Mapping[str, float | None],
    lists: Mapping[str, str],
) -> list[dict[str, Any]]:
    """Return the stages. `values` are those of the rules; `ages` by what they are of."""
    known = {**values, **_others(snapshot), **ages}
    return [
        {"name": stage.name, "numbers": [_number(one, known, lists) for one in stage.numbers]}
        for stage in STAGES
    ]


def _number(
    number: Number, known: Mapping[str, float | None], lists: Mapping[str, str]
) -> dict[str, str]:
    value, rule = known[number.value], _RULES.get(number.value)
    level = Level.GOOD if rule is None else judge(rule, value)
    if value is None:
        text = "?"
    elif number.unit is Unit.SECONDS:
        text = duration(value)
    elif number.kind is Kind.RATE and value < 10:
        text = f"{value:.1f}"
    else:
        text = f"{value:,.0f}"
    # What is only unknown is said by the first line; here a sign is for what wants a look.
    sign = SIGNS[level] if level in (Level.LOOK, Level.BAD) else ""
    link = lists.get(number.link, "")
    return {
        "kind": number.kind,
        "words": number.words,
        "value": text,
        "level": level,
        "sign": sign,
        "link": link,
    }


def _others(snapshot: Snapshot) -> dict[str, float | None]:
    redis = snapshot.redis
    if redis is None:
        names = ("arrived_rate", "received_rate", "settled_rate", "sent_rate", "overflow")
        return dict.fromkeys(names)
    minutes = _minutes(redis, snapshot.now)
    return {
        "arrived_rate": redis.counted("arrived") / minutes,
        "received_rate": redis.counted("received") / minutes,
        "settled_rate": Progress(redis.first_minute, redis.counts).settled / minutes,
        "sent_rate": redis.counted(*_SENT) / minutes,
        "overflow": redis.total("overflow_messages"),
    }


def _minutes(redis: FromRedis, now: float) -> float:
    """How long the counts have been made: the last minute is the present one."""
    return max(1.0, min(TALLIED_MINUTES, now / 60 - redis.first_minute))
