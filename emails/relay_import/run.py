"""Runs an import: range by range, each in one transaction that also notes how far it came."""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from emails.relay_import import models
from emails.relay_import.source import Source, SourceRefused
from emails.relay_import.steps import ALL, STEPS, Result, Settings, Step

_ALWAYS_ALLOWED = 1_000


class TooManyDeletions(Exception):
    """So much is gone at the source that it may be the wrong database, or a broken one."""

    def __init__(self, step: str, gone: int) -> None:
        super().__init__(
            f"{gone} {step} that were imported are gone at the source, or more. If that is right, "
            "run the import again with --allow-deletions."
        )


@dataclass(slots=True)
class Deletions:
    """How many rows of a step may be deleted here, because they are gone at the source.

    A twentieth of those imported, or a thousand. None: any number.
    """

    left: int | None

    @classmethod
    def of(cls, step: Step, *, is_any_allowed: bool) -> "Deletions":
        """Return how many are allowed for a step."""
        if is_any_allowed:
            return cls(None)
        return cls(max(_ALWAYS_ALLOWED, count_here(step.name) // 20))

    def take(self, step: str, gone: int) -> None:
        """Use some up. Raises `TooManyDeletions`."""
        if self.left is None:
            return
        if gone > self.left:
            raise TooManyDeletions(step, gone)
        self.left -= gone


@dataclass(frozen=True, slots=True)
class Progress:
    """One range is done: how many rows of which step were read, and what changed here."""

    step: str
    rows: int
    added: int
    changed: int
    deleted: int


def begin(fingerprint: str, now: datetime) -> models.ImportRun:
    """Find or make the row about this import. Raises `SourceRefused` for another database."""
    found = models.ImportRun.objects.first()
    if found is not None and found.fingerprint != fingerprint:
        raise SourceRefused(
            "This is another database than the one imported before. Imports from two can't be "
            "told apart: use a new database of ours for it."
        )
    return found or models.ImportRun.objects.create(fingerprint=fingerprint, started_at=now)


def run(
    source: Source,
    settings: Settings,
    *,
    allow_deletions: bool = False,
    rows_a_range: int | None = None,
) -> Generator[Progress]:
    """Import everything, beginning where an interrupted import stopped."""
    for step in STEPS:
        deletions = Deletions.of(step, is_any_allowed=allow_deletions)
        yield from _run_step(source, step, settings, deletions, rows_a_range or step.rows_a_range)
    models.ImportStep.objects.all().delete()


def _run_step(
    source: Source, step: Step, settings: Settings, deletions: Deletions, size: int
) -> Iterator[Progress]:
    low = models.ImportStep.objects.filter(name=step.name).values_list("after", flat=True).first()
    low = low or 0
    while low < ALL:
        rows = source.fetch_range(step.row, step.query, low, None, size)
        high = rows[-1].id if len(rows) == size else ALL
        result = load_range(
            step, rows, low, high, settings, deletions, note=lambda end: _note(step.name, end)
        )
        yield Progress(step.name, len(rows), result.added, result.changed, result.gone)
        low = high


def _note(step: str, end: int) -> None:
    models.ImportStep.objects.update_or_create(name=step, defaults={"after": end})


def load_range(
    step: Step,
    rows: list[object],
    low: int,
    high: int,
    settings: Settings,
    deletions: Deletions,
    *,
    note: Callable[[int], None] = lambda _: None,
) -> Result:
    """Load the rows of a range, which must be all that the source has there; delete the others."""
    with transaction.atomic():
        result = step.load(rows, low, high, settings)
        deletions.take(step.name, result.gone)
        result.delete()
        _note_not_taken(step.name, result, low, high)
        note(high)
    return result


def load_some(step: Step, rows: list[object], settings: Settings) -> Result:
    """Load rows that are not all of a range: nothing is deleted."""
    with transaction.atomic():
        result = step.load(rows, 0, 0, settings)
        for problem in result.not_taken:
            models.NotTaken.objects.get_or_create(
                step=step.name, source_id=problem.source_id, reason=problem.why.value
            )
    return result


def _note_not_taken(step: str, result: Result, low: int, high: int) -> None:
    models.NotTaken.objects.filter(step=step, source_id__gt=low, source_id__lte=high).delete()
    models.NotTaken.objects.bulk_create(
        (
            models.NotTaken(step=step, source_id=one.source_id, reason=one.why.value)
            for one in result.not_taken
        ),
        batch_size=1_000,
        ignore_conflicts=True,
    )


def count_here(step: str) -> int:
    """Count the rows of a step that are here, or were."""
    tables: dict[str, Any] = {
        "owners": models.ImportedOwner,
        "random_masks": models.ImportedRandomMask,
        "domain_masks": models.ImportedDomainMask,
        "replies": models.ImportedReply,
    }
    return tables[step].objects.count() if step in tables else 0
