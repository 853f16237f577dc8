"""How masks and their owners are found in the database, read as facts."""

import functools
from collections.abc import Mapping

from django.db import connection
from django.db.models import Q, QuerySet

from emails.facts import FoundMask, MaskKind, MaskRef, OwnerFacts
from emails.models import DomainMask, Mask, Profile, RandomMask, Reply
from emails.snapshots import FOUND_COLUMNS, OWNER_COLUMNS, found_mask, owner_facts

_MODELS: dict[MaskKind, type[RandomMask] | type[DomainMask]] = {
    MaskKind.RANDOM: RandomMask,
    MaskKind.DOMAIN: DomainMask,
}


@functools.cache
def _by_address(kind: MaskKind) -> tuple[str, tuple[str, ...]]:
    """Write the query for a mask by its address, and name its parameters in their order.

    Once a process: written anew, and read as models, it took seven times as much CPU.
    """
    query = _MODELS[kind].objects.filter(local="local", domain="domain")
    return query.values_list(*FOUND_COLUMNS).query.sql_with_params()


def find_by_address(kind: MaskKind, where: Mapping[str, str]) -> FoundMask | None:
    """Look up a mask by its `local` and `domain`."""
    sql, names = _by_address(kind)
    with connection.cursor() as cursor:
        cursor.execute(sql, [where[name] for name in names])
        row = cursor.fetchone()
    return found_mask(kind, row) if row else None


def find_by_ref(ref: MaskRef) -> FoundMask | None:
    """Look up the mask that `ref` names."""
    row = row_of(ref).values_list(*FOUND_COLUMNS).first()
    return found_mask(ref.kind, row) if row else None


def find_owner(where: Q) -> OwnerFacts | None:
    """Look up the owner whose profile is so."""
    row = Profile.objects.filter(where).values_list(*OWNER_COLUMNS).first()
    return owner_facts(row) if row else None


def mask_of(reply: Reply) -> MaskRef:
    """Name the mask that a reply record belongs to."""
    if reply.random_mask_id is not None:
        return MaskRef(MaskKind.RANDOM, reply.random_mask_id)
    assert reply.domain_mask_id is not None  # noqa: S101 — a constraint of the table
    return MaskRef(MaskKind.DOMAIN, reply.domain_mask_id)


def row_of(mask: MaskRef) -> "QuerySet[Mask]":
    """Give the query for the row of a mask."""
    return _MODELS[mask.kind].objects.filter(pk=mask.id)
