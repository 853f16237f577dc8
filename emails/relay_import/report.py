"""What an import took and what not, and whether the counts agree."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Count

from emails.relay_import import models, schema
from emails.relay_import.convert import Why
from emails.relay_import.source import Source

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Line:
    """One table: how many rows the source has, how many are here, and were deleted here.

    Names and deleted masks are kept as hashes that don't tell where they come from: of these only
    `source` is known. Old reply records are not taken, nor missed.
    """

    step: str
    source: int
    here: int | None
    deleted_here: int
    not_taken: int
    ignored: int

    @property
    def is_complete(self) -> bool:
        """Whether every row of the source is accounted for, and was taken."""
        return self.not_taken == 0 and (self.step not in _LINKS or self._missing() <= 0)

    def _missing(self) -> int:
        return self.source - (self.here or 0) - self.deleted_here - self.ignored


_LINKS: dict[str, tuple[Any, str]] = {
    "owners": (models.ImportedOwner, "profile"),
    "random_masks": (models.ImportedRandomMask, "mask"),
    "domain_masks": (models.ImportedDomainMask, "mask"),
}


def compare(source: Source) -> list[Line]:
    """Count every table on both sides."""
    return [_line(source, step) for step in schema.COUNTS]


def _line(source: Source, step: str) -> Line:
    here: int | None = None
    deleted_here = 0
    if step in _LINKS:
        model, column = _LINKS[step]
        here = model.objects.filter(**{f"{column}__isnull": False}).count()
        deleted_here = model.objects.filter(**{f"{column}__isnull": True}).count()
    elif step == "replies":
        here = models.ImportedReply.objects.count()
    problems = models.NotTaken.objects.filter(step=step)
    gone_with_owner = problems.filter(reason=Why.OWNER_DELETED_HERE).count()
    return Line(
        step=step,
        source=source.fetch_number(schema.COUNTS[step]),
        here=here,
        deleted_here=deleted_here + gone_with_owner,
        not_taken=problems.count() - gone_with_owner,
        ignored=source.fetch_number(schema.OWN_NOTHING) if step == "owners" else 0,
    )


def not_taken(*, shows_all: bool) -> Iterator[str]:
    """Say what was not taken and why, by the ids of the source: a line for each reason."""
    problems = models.NotTaken.objects.exclude(reason=Why.OWNER_DELETED_HERE)
    groups = problems.values_list("step", "reason").annotate(Count("pk"))
    for step, reason, count in groups.order_by("step", "reason"):
        rows = models.NotTaken.objects.filter(step=step, reason=reason).order_by("source_id")
        ids = rows.values_list("source_id", flat=True)[: None if shows_all else _SHOWN]
        more = "" if shows_all or count <= _SHOWN else ", …"
        yield f"{step}: {count} not taken, {reason}: {', '.join(map(str, ids))}{more}"
