"""Which mail an operator's freeze holds. Pure.

A freeze holds what would be forwarded: to a mask, to an owner, or from a sender's domain and all
below it. One of a reason holds what would be forwarded, or dropped, for that reason; and what is
held for it is not released. What the owner blocks, viruses, and mail to no mask stay what they are.
"""

from collections.abc import Collection
from dataclasses import dataclass

from emails.rules.forward import Decision, Forward, Hold
from emails.rules.sender_blocks import SenderKind, senders_of
from emails.values.facts import CreatableMask, FoundMask, MailFacts, MaskRef
from emails.values.freezes import Freeze, FreezeKind
from emails.values.outcomes import Dropped, DropReason, ForwardReason, HeldReason

_DROPS = frozenset({DropReason.LOOP, DropReason.DEACTIVATED})

REASONS = frozenset(
    reason.value
    for reason in (*ForwardReason, *_DROPS, *HeldReason)
    if reason not in (ForwardReason.SAID_SENT, HeldReason.FROZEN)
)
"""The reasons that can be frozen."""


@dataclass(frozen=True, slots=True)
class Frozen:
    """Whose released mail must wait, and what was held for which reasons."""

    masks: frozenset[MaskRef]
    owners: frozenset[int]
    reasons: frozenset[HeldReason]


def freeze(
    decision: Decision,
    mail: MailFacts,
    target: FoundMask | CreatableMask,
    freezes: Collection[Freeze],
) -> Decision:
    """Return the decision, or to hold the mail for the first freeze that applies."""
    for one in freezes:
        if _applies(one, decision, mail, target):
            return Hold(target, HeldReason.FROZEN, frozen_by=one.id)
    return decision


def find_frozen(owner: int, mask: MaskRef, freezes: Collection[Freeze]) -> Freeze | None:
    """Find the freeze of a mask or its owner: their replies wait, too."""
    targets = {FreezeKind.OWNER: str(owner), FreezeKind.MASK: str(mask)}
    return next((one for one in freezes if targets.get(one.kind) == one.target), None)


def frozen_of(freezes: Collection[Freeze]) -> Frozen:
    """Return which of the released mails must wait."""
    by_kind = {kind: [one.target for one in freezes if one.kind is kind] for kind in FreezeKind}
    masks = (MaskRef.parse(target) for target in by_kind[FreezeKind.MASK])
    held = {reason.value: reason for reason in HeldReason}
    return Frozen(
        masks=frozenset(mask for mask in masks if mask),
        owners=frozenset(int(target) for target in by_kind[FreezeKind.OWNER]),
        reasons=frozenset(held[one] for one in by_kind[FreezeKind.REASON] if one in held),
    )


def _applies(
    one: Freeze, decision: Decision, mail: MailFacts, target: FoundMask | CreatableMask
) -> bool:
    if one.kind is FreezeKind.REASON:
        is_freezable = isinstance(decision, Forward) or (
            isinstance(decision, Dropped) and decision.reason in _DROPS
        )
        return is_freezable and one.target == decision.reason.value
    if not isinstance(decision, Forward):
        return False
    match one.kind:
        case FreezeKind.OWNER:
            return one.target == str(target.owner.id)
        case FreezeKind.MASK:
            return isinstance(target, FoundMask) and one.target == str(target.mask.ref)
        case FreezeKind.DOMAIN:
            senders = senders_of(mail)
            return any(s.kind is SenderKind.DOMAIN and s.text == one.target for s in senders)
