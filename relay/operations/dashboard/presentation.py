"""A snapshot → the words and numbers that the page shows. Pure.

Every judgement is a word and a sign, never a colour alone.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bridge.ledger.heartbeats import Heartbeat
from emails.values.outcomes import NAMES as OUTCOMES
from relay.operations.dashboard.snapshot import FromRedis, FromSqs, Snapshot, by_role
from relay.operations.dashboard.thresholds import RULES, Level, Rule, Unit, judge
from relay.operations.gauges import REDIS_QUEUES
from runtime.dependencies import Dependency

SIGNS = {Level.GOOD: "✓", Level.LOOK: "▲", Level.BAD: "✖", Level.UNKNOWN: "?"}

_COUNTED = (*OUTCOMES, "not_settled", "failed", "rejected", "postponed")
_SHOWN_MINUTES = 5
_WORDS = {
    "nomask": "no such mask",
    "not_settled": "attempt failed",
    "failed": "dead-lettered",
    "rejected": "rejected by the bridge",
    "postponed": "parked or deferred by the bridge",
}
_UNKNOWN = "unknown"

_DEPENDENCIES = {
    Dependency.SES: "SES",
    Dependency.S3: "S3",
    Dependency.DATABASE: "PostgreSQL",
    Dependency.REDIS: "Redis",
    Dependency.CERTIFICATES: "Reading SNS's certificates",
    Dependency.CONFIGURATION: "The configuration",
}


def shown(snapshot: Snapshot, runbook: str) -> dict[str, Any]:
    """Return everything that the page shows, as JSON. `runbook` is the runbook's URL."""
    values = values_of(snapshot)
    tiles = [_tile(rule, values[rule.name], runbook) for rule in RULES]
    return {
        "time": datetime.fromtimestamp(snapshot.now, UTC).strftime("%H:%M:%S UTC"),
        "overall": _overall(tiles, _faults(snapshot)),
        "tiles": tiles,
        "processes": [] if snapshot.redis is None else _processes(snapshot),
        "queues": [] if snapshot.redis is None else _queues(snapshot.redis),
        "outcomes": None if snapshot.redis is None else _outcomes(snapshot.redis),
    }


def values_of(snapshot: Snapshot) -> dict[str, float | None]:
    """Return each rule's value by name; None if it could not be read."""
    values: dict[str, float | None] = dict.fromkeys((rule.name for rule in RULES), None)
    if snapshot.redis is not None:
        values |= _from_redis(snapshot.redis, snapshot.now)
    if snapshot.sqs is not None:
        values |= _from_sqs(snapshot.sqs)
    return values


def _from_redis(redis: FromRedis, now: float) -> Mapping[str, float | None]:
    roles = by_role(redis.heartbeats)
    sampled = redis.sampled_minute
    return {
        "breakers": len(redis.breakers),
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
        "failing": redis.counted("not_settled"),
        "rejected": redis.counted("rejected"),
        "postponed": redis.counted("postponed"),
        "gauges_age": None if sampled is None else max(0, now - sampled * 60),
    }


def _from_sqs(sqs: FromSqs) -> Mapping[str, float | None]:
    return {
        "sqs_waiting": sqs.queue.visible + sqs.queue.delayed if sqs.queue else None,
        "sqs_hidden": sqs.queue.not_visible if sqs.queue else None,
        "sqs_dead": sqs.dead_letters.visible if sqs.dead_letters else None,
    }


def _tile(rule: Rule, value: float | None, runbook: str) -> dict[str, Any]:
    level = judge(rule, value)
    needs_action = level in (Level.LOOK, Level.BAD)
    return {
        "name": rule.name,
        "title": rule.title,
        "value": _number(value, rule.unit),
        "level": level,
        "sign": SIGNS[level],
        "advice": rule.advice if needs_action else "",
        "runbook": f"{runbook}#{rule.anchor}" if needs_action else "",
    }


def _number(value: float | None, unit: Unit) -> str:
    if value is None:
        return _UNKNOWN
    return duration(value) if unit is Unit.SECONDS else f"{value:,.0f}"


def duration(seconds: float) -> str:
    """Format a duration in seconds, minutes, hours or days, in about two digits."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:.0f} s"


def _faults(snapshot: Snapshot) -> list[str]:
    """Say what can't be read, and which breaker is open: since when, and why."""
    sentences = [f"{source} can't be read ({why})." for source, why in snapshot.failures.items()]
    for breaker in snapshot.redis.breakers if snapshot.redis else ():
        lasts = duration(max(0, snapshot.now - breaker.since_ms / 1000))
        name = _DEPENDENCIES[breaker.dependency]
        sentences.append(f"{name} has failed for {lasts} ({breaker.code}): no mails are taken.")
    return sentences


def _overall(tiles: list[dict[str, Any]], faults: list[str]) -> dict[str, str]:
    bad, look = (
        [f"{tile['title']} ({tile['value']})" for tile in tiles if tile["level"] is level]
        for level in (Level.BAD, Level.LOOK)
    )
    sentences = list(faults)
    sentences += [f"Bad: {', '.join(bad)}."] if bad else []
    sentences += [f"Look at: {', '.join(look)}."] if look else []
    level = Level.BAD if bad or faults else Level.LOOK if look else Level.GOOD
    return {"level": level, "sign": SIGNS[level], "text": " ".join(sentences) or "All is well."}


def _processes(snapshot: Snapshot) -> list[dict[str, Any]]:
    beats = snapshot.redis.heartbeats if snapshot.redis else []
    return [_process(beat, snapshot.now) for beat in sorted(beats, key=_order)]


def _order(beat: Heartbeat) -> tuple[bool, str, str, int]:
    process = beat.process
    return beat.is_alive, process.role, process.host, process.pid


def _process(beat: Heartbeat, now: float) -> dict[str, Any]:
    level = Level.GOOD if beat.is_alive else Level.BAD
    totals = beat.totals
    return {
        "role": beat.process.role,
        "where": f"{beat.process.host}, process {beat.process.pid}",
        "level": level,
        "state": f"{SIGNS[level]} {'alive' if beat.is_alive else 'silent'}",
        "last": f"{duration(beat.age_seconds)} ago",
        "started": f"{duration(max(0, now - beat.process.started))} ago",
        "did": (
            f"{totals['total_messages']:,} received, {totals['deleted']:,} deleted, "
            f"{totals['failed_messages']:,} failed"
            if "total_messages" in totals
            else ""
        ),
    }


def _queues(redis: FromRedis) -> list[dict[str, Any]]:
    by_label = {gauge.label: gauge.value for gauge in redis.gauges}
    return [
        {
            "queue": queue,
            "waiting": f"{by_label[f'redis_queue_count:{queue}']:,.0f}",
            "delayed": f"{by_label[f'redis_queue_delayed:{queue}']:,.0f}",
            "dead": f"{by_label[f'redis_queue_dead_letters:{queue}']:,.0f}",
            "oldest": duration(by_label[f"redis_queue_oldest_s:{queue}"]),
        }
        for queue in REDIS_QUEUES
    ]


def _outcomes(redis: FromRedis) -> dict[str, Any]:
    """Return the sum over all minutes, and the latest minutes, the present one first."""
    present = redis.first_minute + len(redis.counts) - 1
    minutes = range(present, present - _SHOWN_MINUTES, -1)
    newest_first = redis.counts[: -_SHOWN_MINUTES - 1 : -1]
    return {
        "minutes": [datetime.fromtimestamp(m * 60, UTC).strftime("%H:%M") for m in minutes],
        "rows": [
            {
                "name": words_for(name),
                "counts": [f"{counts.get(name, 0):,}" for counts in newest_first],
                "sum": f"{redis.counted(name):,}",
            }
            for name in _COUNTED
        ],
    }


def words_for(counted: str) -> str:
    """Return the words for a name of the tally."""
    return _WORDS.get(counted, counted)
