"""Rows → facts. The only place that knows both shapes.

Rows are read as plain values: to make Django's models of them costs more than to read them.
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
"""Of a profile, and of its user."""

FOUND_COLUMNS = (*MASK_COLUMNS, *(f"profile__{column}" for column in OWNER_COLUMNS))
"""Of a mask, and of its owner."""


def mask_facts(kind: MaskKind, row: Iterable[Any]) -> MaskFacts:
    """Take a snapshot of a mask from its MASK_COLUMNS."""
    key, local, domain, block, label = row
    return MaskFacts(MaskRef(kind, key), f"{local}@{domain}", Block(block), label)


def owner_facts(row: Iterable[Any]) -> OwnerFacts:
    """Take a snapshot of an owner from its OWNER_COLUMNS."""
    told = dict(zip(_OWNER, row, strict=True))
    return OwnerFacts(**told | {"has_replied": told["has_replied"] is not None})


def found_mask(kind: MaskKind, row: Sequence[Any]) -> FoundMask:
    """Take a snapshot of a mask and its owner from their FOUND_COLUMNS."""
    own = len(MASK_COLUMNS)
    return FoundMask(mask_facts(kind, row[:own]), owner_facts(row[own:]))
