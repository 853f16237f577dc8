"""Maps database rows to facts. The only module that knows both.

Reads rows as plain values: creating Django models from them costs more than the query.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from emails.values.facts import Block, FoundMask, MaskFacts, MaskKind, MaskRef, OwnerFacts

MASK_COLUMNS = ("pk", "local", "domain", "block", "label")

_OWNER = {
    "id": "pk",
    "address": "user__email",
    "language": "language",
    "is_active": "user__is_active",
    "is_premium": "is_premium",
    "blocks_spam": "blocks_spam",
    "removes_trackers": "removes_trackers",
    "allows_metrics": "allows_metrics",
    "has_replied": "first_replied_at",
    "hard_bounced_at": "hard_bounced_at",
    "soft_bounced_at": "soft_bounced_at",
    "flagged_at": "flagged_at",
}
OWNER_COLUMNS = tuple(_OWNER.values())
"""Columns of a profile and its user."""

FOUND_COLUMNS = (*MASK_COLUMNS, *(f"profile__{column}" for column in OWNER_COLUMNS))
"""Columns of a mask and its owner."""


def mask_facts(kind: MaskKind, row: Iterable[Any]) -> MaskFacts:
    """Make a mask's facts from its MASK_COLUMNS."""
    key, local, domain, block, label = row
    return MaskFacts(MaskRef(kind, key), f"{local}@{domain}", Block(block), label)


def owner_facts(row: Iterable[Any]) -> OwnerFacts:
    """Make an owner's facts from its OWNER_COLUMNS."""
    fields = dict(zip(_OWNER, row, strict=True))
    return OwnerFacts(**fields | {"has_replied": fields["has_replied"] is not None})


def found_mask(kind: MaskKind, row: Sequence[Any]) -> FoundMask:
    """Make the facts of a mask and its owner from their FOUND_COLUMNS."""
    mask_size = len(MASK_COLUMNS)
    return FoundMask(mask_facts(kind, row[:mask_size]), owner_facts(row[mask_size:]))
