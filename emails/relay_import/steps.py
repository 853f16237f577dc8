"""The steps of an import, one for each table of the source: what a range of its rows becomes.

Each works on one range of ids at a time, in one transaction, and changes only what differs: it can
be repeated, for the same range or another.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from django.contrib.auth import get_user_model
from django.db.models import QuerySet

from emails.models import DomainMask, RandomMask, hash_of
from emails.models.hashes import keyed
from emails.relay_import import convert, schema, staging
from emails.relay_import.convert import NotTaken, Rules, Why

T = TypeVar("T")

ALL = 2**62

_BATCH = 500

_CHANGE_OWNERS = (
    "update_users",
    "update_profiles",
    "update_names",
    "open_breakers",
    "count_replies",
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the steps need to know. `probe_wait` and `keep_replies` as in the relay's settings."""

    rules: Rules
    now: datetime
    probe_wait: timedelta
    keep_replies: timedelta


@dataclass(slots=True)
class Result:
    """What a range changed here, which of its rows were not taken, and what is gone at the source.

    Each row counts once: one that was added is not among those `changed`.
    `delete` deletes what is gone, and is left to the caller.
    """

    added: int = 0
    changed: int = 0
    not_taken: list[NotTaken] = field(default_factory=list)
    gone: int = 0
    delete: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class Step:
    """One table of the source: its name, its rows' type, its query, and how to load a range."""

    name: str
    row: type[Any]
    query: str
    load: Callable[[Sequence[Any], int, int, Settings], Result]
    rows_a_range: int = 20_000
    sees_deletions: bool = True


def _load_owners(
    rows: Sequence[schema.SourceOwner], low: int, high: int, settings: Settings
) -> Result:
    result, owners = Result(), []
    for row in rows:
        converted = convert.owner(row, settings.rules, settings.now)
        if isinstance(converted, NotTaken):
            result.not_taken.append(converted)
        elif converted is not None:
            owner, problem = convert.without_bad_name(converted)
            owners.append(owner)
            result.not_taken += [problem] if problem else []
    staging.stage(owners, convert.Owner, [row.id for row in rows])
    sql = staging.statements("owners")
    values: dict[str, Any] = {
        "now": settings.now,
        "today": settings.now.astimezone(UTC).date(),
        "probe_wait": settings.probe_wait,
    }
    staging.run(sql["insert_users"])
    staging.run(sql["insert_profiles"])
    added = staging.keys_of(sql["link"])
    changed = set().union(*(staging.keys_of(sql[name], values) for name in _CHANGE_OWNERS))
    result.added, result.changed = len(added), len(changed - added)
    staging.run(sql["note_seen"])
    _register(owner.subdomain for owner in owners if owner.subdomain)
    _add_problems(result, sql["not_taken"])
    _find_gone(result, sql["missing"], low, high, get_user_model().objects.all())
    return result


def _register(names: Any) -> None:
    hashes = [(hash_of(name),) for name in names]
    _insert_hashes("emails_registeredsubdomain", "name_hash", "registered_at", hashes)


def _load_masks(
    rows: Sequence[schema.SourceMask],
    low: int,
    high: int,
    settings: Settings,
    *,
    model: type[RandomMask] | type[DomainMask],
    table: str,
    link: str,
) -> Result:
    result, masks = Result(), []
    for row in rows:
        converted = convert.mask(row, settings.rules, is_domain_mask=model is DomainMask)
        if isinstance(converted, NotTaken):
            result.not_taken.append(converted)
        else:
            masks.append(converted)
    staging.stage(masks, convert.Mask, [row.id for row in rows])
    sql = staging.statements("masks", mask=table, link=link)
    staging.run(sql["insert"])
    added = staging.keys_of(sql["link"])
    changed = staging.keys_of(sql["update"])
    result.added, result.changed = len(added), len(changed - added)
    staging.run(sql["note_seen"])
    _add_problems(result, sql["not_taken"])
    _find_gone(result, sql["missing"], low, high, model.objects.all())
    return result


def _load_hashes(
    rows: Sequence[schema.SourceHash],
    low: int,
    high: int,
    settings: Settings,
    *,
    table: str,
    column: str,
    dated: str,
) -> Result:
    problems = [NotTaken(row.id, why) for row in rows if (why := convert.hash_problem(row))]
    bad = {problem.source_id for problem in problems}
    hashes = [(keyed(row.hash),) for row in rows if row.id not in bad]
    return Result(added=_insert_hashes(table, column, dated, hashes), not_taken=problems)


def _insert_hashes(table: str, column: str, dated: str, hashes: list[tuple[str]]) -> int:
    if not hashes:
        return 0
    sql = (
        f"INSERT INTO {table} ({column}, {dated}) "  # noqa: S608 — names of ours
        f"SELECT DISTINCT one, now() FROM unnest(%(hashes)s::text[]) AS one ON CONFLICT DO NOTHING"
    )
    return staging.run(sql, {"hashes": [one for (one,) in hashes]})


def _load_replies(
    rows: Sequence[schema.SourceReply], low: int, high: int, settings: Settings
) -> Result:
    oldest = (settings.now - settings.keep_replies).date()
    recent = [row for row in rows if row.created_on >= oldest]
    problems = [NotTaken(row.id, why) for row in recent if (why := convert.reply_problem(row))]
    bad = {problem.source_id for problem in problems}
    kept = [_Record.of(row) for row in recent if row.id not in bad]
    staging.stage(kept, _Record, [])
    sql = staging.statements("replies")
    result = Result(added=staging.run(sql["insert"]), not_taken=problems)
    _add_problems(result, sql["not_taken"])
    return result


@dataclass(frozen=True, slots=True)
class _Record:
    source_id: int
    lookup: str
    metadata: str
    random_mask: int | None
    domain_mask: int | None
    created_on: date

    @classmethod
    def of(cls, row: schema.SourceReply) -> "_Record":
        return cls(
            row.id, row.lookup, row.metadata, row.random_mask, row.domain_mask, row.created_on
        )


def _add_problems(result: Result, sql: str) -> None:
    result.not_taken += [NotTaken(key, Why(why)) for key, why in staging.rows_of(sql)]


def _find_gone(result: Result, sql: str, low: int, high: int, rows: "QuerySet[Any]") -> None:
    keys = [key for (key,) in staging.rows_of(sql, {"low": low, "high": high})]
    result.gone = len(keys)
    result.delete = partial(_delete, rows, keys)


def _delete(rows: "QuerySet[Any]", keys: Sequence[int]) -> None:
    """Delete rows with all that belongs to them; the signals leave tombstones of masks."""
    for start in range(0, len(keys), _BATCH):
        rows.filter(pk__in=keys[start : start + _BATCH]).delete()


STEPS = (
    Step("owners", schema.SourceOwner, schema.OWNERS, _load_owners),
    Step(
        "random_masks",
        schema.SourceMask,
        schema.RANDOM_MASKS,
        partial(
            _load_masks,
            model=RandomMask,
            table="emails_randommask",
            link="relay_import_importedrandommask",
        ),
    ),
    Step(
        "domain_masks",
        schema.SourceMask,
        schema.DOMAIN_MASKS,
        partial(
            _load_masks,
            model=DomainMask,
            table="emails_domainmask",
            link="relay_import_importeddomainmask",
        ),
    ),
    Step(
        "names",
        schema.SourceHash,
        schema.NAMES,
        partial(
            _load_hashes,
            table="emails_registeredsubdomain",
            column="name_hash",
            dated="registered_at",
        ),
        sees_deletions=False,
    ),
    Step(
        "deleted_masks",
        schema.SourceHash,
        schema.DELETED,
        partial(
            _load_hashes, table="emails_deletedmask", column="address_hash", dated="deleted_at"
        ),
        sees_deletions=False,
    ),
    Step("replies", schema.SourceReply, schema.REPLIES, _load_replies, sees_deletions=False),
)
"""In this order: masks need their owners, and reply records their masks."""
