"""Maps database rows to facts. The only module that knows both.

Reads rows as plain values: creating Django models from them costs more than the query.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

from emails.values.facts import (
    Block,
    FoundMask,
    MaskFacts,
    MaskKind,
    MaskRef,
    NotePlace,
    OwnerFacts,
    Usage,
    Verdict,
    Verdicts,
    Volume,
)
from emails.values.held import HeldMail, HeldState, HeldTarget, NewMask
from emails.values.notifications import StoredMail
from emails.values.outcomes import HeldReason

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
    "flagged_at": "flagged_at",
    "has_open_breaker": "mailbox_breaker__address",
    "probe": "mailbox_breaker__probe",
    "blocks_senders": "blocks_senders",
    "note_place": "note_place",
}
OWNER_COLUMNS = tuple(_OWNER.values())
"""Columns of a profile and its user."""

_NOTHING = Volume()

_COUNT_COLUMNS = ("counted_on", "mails_that_day", "bytes_that_day")

FOUND_COLUMNS = (
    *MASK_COLUMNS,
    *_COUNT_COLUMNS,
    *(f"profile__{column}" for column in OWNER_COLUMNS),
)
"""Columns of a mask, its counts, and its owner."""


HELD_COLUMNS = (
    *("pk", "owner_id", "random_mask_id", "domain_mask_id", "new_local", "new_domain", "reason"),
    *("waived", "state", "sns_message_id", "recipient", "bucket", "key", "size", "verdicts"),
    *("received_at", "held_at", "expires_at", "releases", "attempts", "sender"),
)
"""Columns of a held mail."""


def mask_facts(kind: MaskKind, row: Iterable[Any]) -> MaskFacts:
    """Make a mask's facts from its MASK_COLUMNS."""
    key, local, domain, block, label = row
    return MaskFacts(MaskRef(kind, key), f"{local}@{domain}", Block(block), label)


def owner_facts(row: Iterable[Any]) -> OwnerFacts:
    """Make an owner's facts from its OWNER_COLUMNS."""
    fields = dict(zip(_OWNER, row, strict=True))
    bounced = fields["has_open_breaker"]
    # A breaker is about an address: the owner may have another one by now.
    is_open = bounced is not None and bounced.lower() == fields["address"].lower()
    return OwnerFacts(
        **fields
        | {
            "has_replied": fields["has_replied"] is not None,
            "has_open_breaker": is_open,
            "note_place": NotePlace(fields["note_place"]),
        }
    )


def found_mask(
    kind: MaskKind, row: Sequence[Any], today: date | None = None, sender: Volume = _NOTHING
) -> FoundMask:
    """Make the facts of a mask and its owner from their FOUND_COLUMNS.

    `sender` is what one sender's domain sent today. Without `today` nothing is counted.
    """
    counts, owner = len(MASK_COLUMNS), len(MASK_COLUMNS) + len(_COUNT_COLUMNS)
    counted_on, mails, size = row[counts:owner]
    in_all = Volume(mails, size) if today and counted_on and counted_on >= today else _NOTHING
    mask = mask_facts(kind, row[:counts])
    return FoundMask(mask, owner_facts(row[owner:]), Usage(in_all, sender))


def held_mail(row: Sequence[Any]) -> HeldMail:
    """Make a held mail from its HELD_COLUMNS."""
    fields = dict(zip(HELD_COLUMNS, row, strict=True))
    return HeldMail(
        id=fields["pk"],
        owner_id=fields["owner_id"],
        target=_held_target(fields),
        reason=HeldReason(fields["reason"]),
        waived=frozenset(map(HeldReason, fields["waived"])),
        state=HeldState(fields["state"]),
        sns_message_id=fields["sns_message_id"],
        recipient=fields["recipient"],
        mail=StoredMail(fields["bucket"], fields["key"]),
        size=fields["size"],
        verdicts=_verdicts(fields["verdicts"]),
        received_at=fields["received_at"],
        held_at=fields["held_at"],
        expires_at=fields["expires_at"],
        releases=fields["releases"],
        attempts=fields["attempts"],
        sender=fields["sender"],
    )


def _held_target(fields: dict[str, Any]) -> HeldTarget | None:
    if fields["random_mask_id"] is not None:
        return MaskRef(MaskKind.RANDOM, fields["random_mask_id"])
    if fields["domain_mask_id"] is not None:
        return MaskRef(MaskKind.DOMAIN, fields["domain_mask_id"])
    if fields["new_local"] is not None:
        return NewMask(fields["new_local"], fields["new_domain"])
    return None


def verdict_words(verdicts: Verdicts) -> dict[str, Any]:
    """Make what is stored of SES's verdicts."""
    return asdict(verdicts)


def _verdicts(stored: dict[str, Any]) -> Verdicts:
    words: dict[str, Any] = {
        name: value if isinstance(value, bool) else Verdict(value) for name, value in stored.items()
    }
    return Verdicts(**words)
