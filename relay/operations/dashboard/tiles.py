"""Each number of the dashboard, with what it deserves: a look, or more. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from relay.operations.dashboard.snapshot import FromRedis, Snapshot, by_role
from relay.operations.dashboard.thresholds import RULES, Rule, Unit, judge
from relay.operations.judgement.backlog import find_backlog
from relay.operations.judgement.causes import SIGNS, Level
from relay.operations.judgement.durations import duration
from relay.operations.judgement.facts import Facts, Progress

_UNKNOWN = "unknown"

WELL_BUT = "Mail gets through."
"""What the first line says when nothing stops mail, but numbers deserve a look."""


def look_at(snapshot: Snapshot) -> str:
    """Name the numbers that deserve a look; empty if none does."""
    values = values_of(snapshot)
    return named([tile(rule, values[rule.name]) for rule in RULES])


def values_of(snapshot: Snapshot) -> dict[str, float | None]:
    """Return each rule's value by name; None if it could not be read."""
    values: dict[str, float | None] = dict.fromkeys((rule.name for rule in RULES), None)
    if snapshot.redis is not None:
        values |= _from_redis(snapshot.redis, snapshot.now)
    return values | _from_facts(snapshot.facts)


def _from_redis(redis: FromRedis, now: float) -> Mapping[str, float | None]:
    roles = by_role(redis.heartbeats)
    sampled = redis.sampled_minute
    return {
        "bridges": roles["bridge"],
        "workers": roles["worker"],
        "schedulers": roles["scheduler"],
        "silent": roles["silent"],
        "in_flight": redis.total("in_flight"),
        "in_flight_oldest": redis.total("in_flight_oldest_s"),
        "redis_waiting": redis.total("redis_queue_count"),
        "redis_oldest": redis.most("redis_queue_oldest_s"),
        "delayed": redis.total("redis_queue_delayed"),
        "dead_letters": redis.total("redis_queue_dead_letters"),
        "held": redis.total("held_mails") if redis.has("held_mails") else None,
        "mailboxes": (
            redis.total("mailbox_breakers_open") if redis.has("mailbox_breakers_open") else None
        ),
        "releasing": (
            redis.most("held_mails_release_s") if redis.has("held_mails_release_s") else None
        ),
        "failing": Progress(redis.first_minute, redis.counts).failed,
        "rejected": redis.counted("rejected"),
        "postponed": redis.counted("postponed"),
        "pace": redis.counted("paced"),
        "gauges_age": None if sampled is None else max(0, now - sampled * 60),
    }


def _from_facts(facts: Facts) -> dict[str, float | None]:
    queue, progress, backlog = facts.queue, facts.progress, find_backlog(facts)
    return {
        "breakers": None if progress is None else len(facts.breakers),
        "sqs_waiting": queue.visible + queue.delayed if queue else None,
        "sqs_hidden": queue.not_visible if queue else None,
        "sqs_dead": facts.dead_letters_in_sqs,
        "redis_memory": facts.redis_memory,
        "backlog": backlog.seconds if backlog else None,
        "arrived_age": progress.silence(facts.now, "arrived") if progress else None,
        "canary_age": facts.canary_age,
    }


def tile(rule: Rule, value: float | None, runbook: str = "") -> dict[str, Any]:
    """Return a number with its judgement, and if it needs action, with what to do."""
    level = judge(rule, value)
    needs_action = level in (Level.LOOK, Level.BAD)
    return {
        "name": rule.name,
        "title": rule.title,
        "value": number(value, rule.unit),
        "level": level,
        "sign": SIGNS[level],
        "advice": rule.advice if needs_action else "",
        "runbook": f"{runbook}#{rule.anchor}" if needs_action else "",
    }


def number(value: float | None, unit: Unit) -> str:
    """Write a value for people."""
    if value is None:
        return _UNKNOWN
    match unit:
        case Unit.SECONDS:
            return duration(value)
        case Unit.SHARE:
            return f"{value:.0%}"
        case _:
            return f"{value:,.0f}"


def named(tiles: Sequence[Mapping[str, Any]]) -> str:
    """Name the tiles that deserve a look; empty if none does."""
    look = [f"{tile['title']} ({tile['value']})" for tile in tiles if tile["level"] is Level.LOOK]
    return f"Look at: {', '.join(look)}." if look else ""
