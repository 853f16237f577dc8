"""The way of a mail, stage by stage: how much passes, how old it is, and what is stuck. Pure.

SQS → bridges → Redis → workers → SES. Each number leads to the list that it counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
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


_rate = partial(Number, Kind.RATE)
_age = partial(Number, Kind.AGE, unit=Unit.SECONDS)
_here = partial(Number, Kind.HERE)
_stuck = partial(Number, Kind.STUCK)

STAGES = (
    Stage(
        "SQS",
        (
            _rate("arrive a minute", "arrived_rate", "charts"),
            _age("since the last mail", "arrived_age", "no-mail"),
            _here("wait", "sqs_waiting", "waiting"),
            _stuck("dead letters", "sqs_dead", "sqs_dead_letters"),
        ),
    ),
    Stage(
        "Bridges",
        (
            _rate("received a minute", "received_rate", "charts"),
            _age("oldest not settled", "oldest", "ages"),
            _here("alive", "bridges", "processes"),
            _here("in the overflow", "overflow", "lanes"),
            _stuck("rejected in ten minutes", "rejected", "reasons"),
            _stuck("parked or deferred in ten minutes", "postponed", "parked"),
        ),
    ),
    Stage(
        "Redis",
        (
            _age("oldest that waits", "redis_oldest", "queues"),
            _here("in flight", "in_flight", "lanes"),
            _here("wait for a worker", "redis_waiting", "queues"),
            _stuck("to be tried again", "delayed", "retries"),
            _stuck("dead letters", "dead_letters", "dead_letters"),
        ),
    ),
    Stage(
        "Workers",
        (
            _rate("settled a minute", "settled_rate", "outcomes"),
            _age("old when settled (p95)", "settled_age", "ages"),
            _here("alive", "workers", "processes"),
            _stuck("failed attempts in ten minutes", "failing", "reasons"),
            _stuck("held for their owners", "held", "held_mails"),
        ),
    ),
    Stage(
        "SES",
        (
            _rate("sent a minute", "sent_rate", "deliveries"),
            _age("longest wait of a released mail", "releasing", "held_mails"),
            _here("waited for its rate in ten minutes", "pace", "pace"),
            _stuck("mailboxes that bounce", "mailboxes", "mailboxes"),
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
