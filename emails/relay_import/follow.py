"""Keeps up with the website, which goes on writing to its own database.

A round finds what changed: masks by their `last_modified_at`; owners, whose changes have no date,
by sums over a thousand ids each; deletions and what came late by counts over as many. Only what
differs is fetched.
"""

import logging
import signal
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import markus
from django.db import DatabaseError, connection

from emails.config import DomainConfig
from emails.relay_import import models, run, schema, staging
from emails.relay_import.setup import settings_of
from emails.relay_import.source import Source, SourceUnavailable
from emails.relay_import.steps import STEPS, Settings, Step
from runtime.failures import fields_of

logger = logging.getLogger(__name__)
metrics = markus.get_metrics("relay_import")

Sums: TypeAlias = dict[int, tuple[int, int]]
"""By bucket of ids: how many rows, and a sum that differs if any of them does."""

OVERLAP = timedelta(seconds=60)
"""A transaction at the source may be seen this much later than the date it wrote."""

_OVERLAPPING_IDS = 1_000
_RANGE = 20_000
_MOST_OF_THE_TIME = 4
"""A round is followed by a pause of at least this many times its length: the source has users."""

_LINKS = {
    "random_masks": "relay_import_importedrandommask",
    "domain_masks": "relay_import_importeddomainmask",
}


@dataclass(slots=True)
class Position:
    """How far the source is known: only in this process. Without it, a round compares all."""

    since: datetime | None = None
    owners: Sums = field(default_factory=dict)
    highest: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Round:
    """What one round changed here."""

    added: int = 0
    changed: int = 0
    deleted: int = 0


def changed_buckets(before: Sums, after: Sums) -> list[int]:
    """Return the buckets that differ, in order. Pure."""
    return sorted(key for key in before.keys() | after.keys() if before.get(key) != after.get(key))


def range_of(bucket: int) -> tuple[int, int]:
    """Return the ids of a bucket: above the first, up to the second. Pure."""
    return bucket * schema.BUCKET - 1, (bucket + 1) * schema.BUCKET - 1


def follow(source: Source, config: DomainConfig, seconds: float, *, allow_deletions: bool) -> None:
    """Follow until a signal asks to stop. Faults of either database are logged, and it goes on.

    Raises `run.TooManyDeletions`, and `SourceRefused` for settings.
    """
    stop, position = threading.Event(), Position()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    while not stop.is_set():
        began = time.monotonic()
        try:
            now = datetime.now(UTC)
            done = follow_once(
                source, settings_of(config, now), position, allow_deletions=allow_deletions
            )
            _report(done)
        except SourceUnavailable as error:
            logger.warning("source not readable", extra={"error_code": str(error)})
            metrics.incr("source_unavailable")
        except DatabaseError as error:
            logger.warning("round not finished", extra=fields_of(error))
            connection.close()
        stop.wait(max(seconds, (time.monotonic() - began) * _MOST_OF_THE_TIME))


def follow_once(
    source: Source, settings: Settings, position: Position, *, allow_deletions: bool = False
) -> Round:
    """Take over what changed at the source since the last round."""
    done = Round()
    (began,) = source.fetch_rows("SELECT now()")[0]
    for step in STEPS:
        match step.name:
            case "owners":
                _follow_owners(source, step, settings, position, done, allow_deletions)
            case "random_masks" | "domain_masks":
                _follow_masks(source, step, settings, position, done, allow_deletions)
            case _:
                _follow_new(source, step, settings, position, done)
    position.since = began - OVERLAP
    models.ImportRun.objects.update(caught_up_at=began)
    return done


def _follow_owners(
    source: Source,
    step: Step,
    settings: Settings,
    position: Position,
    done: Round,
    allow_deletions: bool,
) -> None:
    after = _sums(source.fetch_rows(schema.SUMS[step.name]))
    buckets = changed_buckets(position.owners, after)
    _compare(source, step, buckets, settings, done, allow_deletions)
    position.owners = after


def _follow_masks(
    source: Source,
    step: Step,
    settings: Settings,
    position: Position,
    done: Round,
    allow_deletions: bool,
) -> None:
    if position.since is not None:
        _take_changed(source, step, settings, position.since, done)
    there = _sums(source.fetch_rows(schema.SUMS[step.name]))
    here = _sums(staging.rows_of(_SUMS_HERE.format(link=_LINKS[step.name], step=step.name)))
    buckets = changed_buckets(here, there)
    _compare(source, step, buckets, settings, done, allow_deletions)


# Those not taken are known, too. A mask deleted here keeps its link.
_SUMS_HERE = """
SELECT source_id / 1000, count(*), sum(source_id)::numeric FROM (
    SELECT source_id FROM {link}
    UNION SELECT source_id FROM relay_import_nottaken WHERE step = '{step}'
) AS known GROUP BY 1
"""


def _take_changed(
    source: Source, step: Step, settings: Settings, since: datetime, done: Round
) -> None:
    low = -1
    while True:
        rows: list[Any] = source.fetch(
            step.row,
            f"{step.query} LIMIT {_RANGE}",
            schema.CHANGED_SINCE,
            since=since,
            low=low,
            high=2**62,
        )
        if rows:
            result = run.load_some(step, rows, settings)
            done.added += result.added
            done.changed += result.changed
        if len(rows) < _RANGE:
            return
        low = rows[-1].id


def _compare(
    source: Source,
    step: Step,
    buckets: list[int],
    settings: Settings,
    done: Round,
    allow_deletions: bool,
) -> None:
    deletions = run.Deletions.of(step, is_any_allowed=allow_deletions) if buckets else None
    for bucket in buckets:
        low, high = range_of(bucket)
        rows: list[Any] = source.fetch_range(step.row, step.query, low, high)
        assert deletions is not None  # noqa: S101 — there are buckets
        result = run.load_range(step, rows, low, high, settings, deletions)
        done.added += result.added
        done.changed += result.changed
        done.deleted += result.gone


def _follow_new(
    source: Source, step: Step, settings: Settings, position: Position, done: Round
) -> None:
    """Take rows with new ids. Ids come a little out of order, so some are read again."""
    highest = source.fetch_number(schema.HIGHEST[step.name])
    before = position.highest.get(step.name)
    if before != highest:
        low = max(0, (highest if before is None else before) - _OVERLAPPING_IDS)
        while True:
            rows: list[Any] = source.fetch_range(step.row, step.query, low, None, _RANGE)
            done.added += run.load_some(step, rows, settings).added
            if len(rows) < _RANGE:
                break
            low = rows[-1].id
    position.highest[step.name] = highest


def _sums(rows: list[tuple[Any, ...]]) -> Sums:
    return {int(bucket): (int(count), int(total)) for bucket, count, total in rows}


def _report(done: Round) -> None:
    if done.added or done.changed or done.deleted:
        logger.info(
            "followed",
            extra={"added": done.added, "changed": done.changed, "deleted": done.deleted},
        )
