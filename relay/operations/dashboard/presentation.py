"""A snapshot → the words and numbers that the page shows. Pure.

Every judgement is a word and a sign, never a colour alone.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bridge.ledger.heartbeats import Heartbeat
from relay.operations.dashboard.counted import outcomes, reasons
from relay.operations.dashboard.flow import flow_of
from relay.operations.dashboard.snapshot import FromRedis, Snapshot
from relay.operations.dashboard.thresholds import RULES, Unit
from relay.operations.dashboard.tiles import WELL_BUT, named, number, tile, values_of
from relay.operations.gauges import REDIS_QUEUES
from relay.operations.judgement.causes import SIGNS, Cause, Level
from relay.operations.judgement.durations import duration
from relay.operations.judgement.facts import Facts
from relay.operations.judgement.verdict import judge as judge_facts
from runtime.ages import BOUNDS_SECONDS, quantile
from runtime.tally import AGE


def shown(
    snapshot: Snapshot, runbook: str, lists: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return everything that the page shows, as JSON.

    `runbook` is the runbook's URL, `lists` are those that numbers and reasons lead to.
    """
    values, lists = values_of(snapshot), lists or {}
    tiles = [tile(rule, values[rule.name], runbook) for rule in RULES]
    controls = snapshot.redis.controls if snapshot.redis else []
    return {
        "time": datetime.fromtimestamp(snapshot.now, UTC).strftime("%H:%M:%S UTC"),
        "overall": _overall(snapshot.facts, tiles, controls, runbook),
        "flow": flow_of(snapshot, values, _flow_ages(snapshot.redis), lists),
        "tiles": tiles,
        "processes": [] if snapshot.redis is None else _processes(snapshot),
        "queues": [] if snapshot.redis is None else _queues(snapshot.redis),
        "ages": [] if snapshot.redis is None else _ages(snapshot.redis),
        "outcomes": None if snapshot.redis is None else outcomes(snapshot.redis),
        "reasons": [] if snapshot.redis is None else reasons(snapshot.redis, runbook, lists),
    }


def _overall(
    facts: Facts, tiles: list[dict[str, Any]], controls: list[str], runbook: str
) -> dict[str, Any]:
    """Return the judgement; where it finds nothing, what deserves a look."""
    said = judge_facts(facts).as_json()
    for finding in (*said["causes"], *said["symptoms"]):
        finding["runbook"] = f"{runbook}#{finding['runbook']}"
    said["look"] = named(tiles)
    if said["look"] and said["level"] is Level.GOOD:
        said |= {"level": Level.LOOK, "sign": SIGNS[Level.LOOK], "text": WELL_BUT}
    if controls:
        # What operators ordered comes first: it may be why the rest looks as it does.
        found = [one["sentence"] for one in said["causes"] if one["cause"] is not Cause.PAUSED]
        said["text"] = " ".join([*controls, *found])
        if said["level"] is Level.GOOD:
            said |= {"level": Level.LOOK, "sign": SIGNS[Level.LOOK]}
    return said


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


def _ages(redis: FromRedis) -> list[dict[str, str]]:
    """Return how old mails were when they were settled, and how old the oldest one is by now."""
    counts = {bound: redis.counted(f"{AGE}{bound}") for bound in BOUNDS_SECONDS}
    rows = [
        {"name": f"p{q * 100:.0f}", "age": number(quantile(counts, q), Unit.SECONDS)}
        for q in (0.5, 0.95, 0.99)
    ]
    name = "oldest_unsettled_seconds"
    oldest = redis.most(name) if redis.has(name) else None
    return [*rows, {"name": "oldest not settled", "age": number(oldest, Unit.SECONDS)}]


def _flow_ages(redis: FromRedis | None) -> dict[str, float | None]:
    if redis is None:
        return {"settled_age": None, "oldest": None}
    counts = {bound: redis.counted(f"{AGE}{bound}") for bound in BOUNDS_SECONDS}
    name = "oldest_unsettled_seconds"
    return {
        "settled_age": quantile(counts, 0.95),
        "oldest": redis.most(name) if redis.has(name) else None,
    }
