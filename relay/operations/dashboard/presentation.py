"""A snapshot → the words and numbers that the page shows. Pure.

Every judgement is a word and a sign, never a colour alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from bridge.ledger.heartbeats import Heartbeat
from emails.values.outcomes import NAMES as OUTCOMES
from relay.operations.dashboard.flow import flow_of
from relay.operations.dashboard.snapshot import FromRedis, Snapshot, by_role
from relay.operations.dashboard.thresholds import RULES, Rule, Unit, judge
from relay.operations.gauges import REDIS_QUEUES
from relay.operations.judgement.backlog import find_backlog
from relay.operations.judgement.causes import SIGNS, Cause, Level
from relay.operations.judgement.durations import duration
from relay.operations.judgement.facts import Facts, Progress
from relay.operations.judgement.found import ranked
from relay.operations.judgement.verdict import judge as judge_facts
from runtime.ages import BOUNDS_SECONDS, quantile
from runtime.tally import AGE

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
_MOST_REASONS = 12


@dataclass(frozen=True, slots=True)
class _Ranking:
    """What is counted by reason: its name in the tally, the page that lists it, where the reasons
    have this prefix, and the runbook's section.
    """

    counted: str
    page: str
    anchor: str
    prefix: str = ""


_RANKINGS = (
    _Ranking("not_settled", "retries", "many-messages-are-tried-again"),
    _Ranking("failed", "dead_letters", "dead-letters-in-redis"),
    _Ranking("rejected", "sqs_dead_letters", "messages-are-rejected", "rejected:"),
    _Ranking("held", "held_mails", "an-owner-asks-about-held-mail"),
)

WELL_BUT = "Mail gets through."
"""What the first line says when nothing stops mail, but numbers deserve a look."""


def shown(
    snapshot: Snapshot, runbook: str, lists: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return everything that the page shows, as JSON.

    `runbook` is the runbook's URL, `lists` are those that numbers and reasons lead to.
    """
    values, lists = values_of(snapshot), lists or {}
    tiles = [_tile(rule, values[rule.name], runbook) for rule in RULES]
    controls = snapshot.redis.controls if snapshot.redis else []
    return {
        "time": datetime.fromtimestamp(snapshot.now, UTC).strftime("%H:%M:%S UTC"),
        "overall": _overall(snapshot.facts, tiles, controls, runbook),
        "flow": flow_of(snapshot, values, _flow_ages(snapshot.redis), lists),
        "tiles": tiles,
        "processes": [] if snapshot.redis is None else _processes(snapshot),
        "queues": [] if snapshot.redis is None else _queues(snapshot.redis),
        "ages": [] if snapshot.redis is None else _ages(snapshot.redis),
        "outcomes": None if snapshot.redis is None else _outcomes(snapshot.redis),
        "reasons": [] if snapshot.redis is None else _reasons(snapshot.redis, runbook, lists),
    }


def look_at(snapshot: Snapshot) -> str:
    """Name the numbers that deserve a look; empty if none does."""
    values = values_of(snapshot)
    return _named([_tile(rule, values[rule.name], "") for rule in RULES])


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
    match unit:
        case Unit.SECONDS:
            return duration(value)
        case Unit.SHARE:
            return f"{value:.0%}"
        case _:
            return f"{value:,.0f}"


def _overall(
    facts: Facts, tiles: list[dict[str, Any]], controls: list[str], runbook: str
) -> dict[str, Any]:
    """Return the judgement; where it finds nothing, what deserves a look."""
    said = judge_facts(facts).as_json()
    for finding in (*said["causes"], *said["symptoms"]):
        finding["runbook"] = f"{runbook}#{finding['runbook']}"
    said["look"] = _named(tiles)
    if said["look"] and said["level"] is Level.GOOD:
        said |= {"level": Level.LOOK, "sign": SIGNS[Level.LOOK], "text": WELL_BUT}
    if controls:
        # What operators ordered comes first: it may be why the rest looks as it does.
        found = [one["sentence"] for one in said["causes"] if one["cause"] is not Cause.PAUSED]
        said["text"] = " ".join([*controls, *found])
        if said["level"] is Level.GOOD:
            said |= {"level": Level.LOOK, "sign": SIGNS[Level.LOOK]}
    return said


def _named(tiles: list[dict[str, Any]]) -> str:
    look = [f"{tile['title']} ({tile['value']})" for tile in tiles if tile["level"] is Level.LOOK]
    return f"Look at: {', '.join(look)}." if look else ""


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
        {"name": f"p{q * 100:.0f}", "age": _number(quantile(counts, q), Unit.SECONDS)}
        for q in (0.5, 0.95, 0.99)
    ]
    name = "oldest_unsettled_seconds"
    oldest = redis.most(name) if redis.has(name) else None
    return [*rows, {"name": "oldest not settled", "age": _number(oldest, Unit.SECONDS)}]


def _flow_ages(redis: FromRedis | None) -> dict[str, float | None]:
    if redis is None:
        return {"settled_age": None, "oldest": None}
    counts = {bound: redis.counted(f"{AGE}{bound}") for bound in BOUNDS_SECONDS}
    name = "oldest_unsettled_seconds"
    return {
        "settled_age": quantile(counts, 0.95),
        "oldest": redis.most(name) if redis.has(name) else None,
    }


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


def _reasons(redis: FromRedis, runbook: str, lists: Mapping[str, str]) -> list[dict[str, str]]:
    """Return why mail did not get through at once, the most frequent reasons first.

    Each leads to the list of what it was counted for, and to the runbook.
    """
    progress = Progress(redis.first_minute, redis.counts)
    found = [
        (number, reason, ranking)
        for ranking in _RANKINGS
        for reason, number in ranked(progress, ranking.counted)
    ]
    return [
        {
            "reason": reason,
            "what": words_for(ranking.counted),
            "count": f"{number:,}",
            "link": _list_of(ranking, reason, lists),
            "runbook": f"{runbook}#{ranking.anchor}",
        }
        for number, reason, ranking in sorted(found, key=lambda one: (-one[0], one[1]))[
            :_MOST_REASONS
        ]
    ]


def _list_of(ranking: _Ranking, reason: str, lists: Mapping[str, str]) -> str:
    return f"{lists.get(ranking.page, '')}?{urlencode({'reason': ranking.prefix + reason})}"
