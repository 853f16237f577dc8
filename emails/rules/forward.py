"""Decides what happens to a received mail, for one of its recipients. Pure."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias, assert_never

from emails.rules import limits
from emails.rules.loops import is_loop
from emails.rules.mail_kind import is_list_mail
from emails.rules.names import is_allowed_mask_name
from emails.values.facts import (
    Block,
    CreatableMask,
    FoundMask,
    MailFacts,
    MaskLookup,
    MissingMask,
    OwnerFacts,
    Policy,
    Verdict,
)
from emails.values.outcomes import (
    Blocked,
    BlockReason,
    Dropped,
    DropReason,
    ForwardReason,
    HeldReason,
    NoMask,
    NoMaskReason,
)


@dataclass(frozen=True, slots=True)
class Forward:
    """Forward the mail to the owner; for NEW_MASK, create the mask first.

    `is_limited`: today's limits apply to it. `must_reserve`: it must reserve its place in them.
    """

    target: FoundMask | CreatableMask
    is_limited: bool = True
    must_reserve: bool = False

    @property
    def reason(self) -> ForwardReason:
        """Whether the mask exists already, or this mail creates it."""
        match self.target:
            case FoundMask():
                return ForwardReason.EXISTING_MASK
            case CreatableMask():
                return ForwardReason.NEW_MASK
            case _:
                assert_never(self.target)


@dataclass(frozen=True, slots=True)
class Hold:
    """Hold the mail for the mask's owner. `frozen_by` is the control that orders it, if any."""

    target: FoundMask | CreatableMask
    reason: HeldReason
    frozen_by: str = ""


Decision: TypeAlias = Forward | Hold | NoMask | Dropped | Blocked


def decide(
    mail: MailFacts,
    target: MaskLookup,
    policy: Policy,
    now: datetime,
    waived: Collection[HeldReason] = (),
    *,
    mark: str = "",
    answers_us: bool = False,
    is_from_blocked_sender: bool = False,
    is_wanted: bool = False,
) -> Decision:
    """Decide for one recipient. Rules are tried in order; the first that applies decides.

    What the owner blocks, viruses and loops are never held: nobody would release them. `waived` are
    the reasons for which this mail is not held again, because somebody released it, or because it
    has a place in today's limits already. `is_wanted`: somebody released this very mail, whatever
    else its owner blocks. `mark` and `answers_us` as in `loops.is_loop`.
    """
    if isinstance(target, MissingMask):
        return NoMask(NoMaskReason.DELETED if target.was_deleted else NoMaskReason.UNKNOWN)
    if isinstance(target, CreatableMask) and (reason := _why_not_creatable(target)):
        return NoMask(reason)
    if drop := why_dropped(mail, target.owner, policy, now):
        return Dropped(drop)
    block = _why_blocked(mail, target, is_from_blocked_sender=is_from_blocked_sender)
    if block and not is_wanted:
        return Blocked(block)
    if is_loop(mail, target, mark, answers_us=answers_us):
        return Dropped(DropReason.LOOP)
    if hold := _why_held(mail, target.owner, waived):
        return Hold(target, hold)
    if waived:
        # Somebody wants this one, or it has its place already.
        return Forward(target, is_limited=False)
    if over := limits.why_over(target, policy):
        return Hold(target, over)
    return Forward(target, must_reserve=limits.is_near(target, policy))


def _why_not_creatable(target: CreatableMask) -> NoMaskReason | None:
    if target.was_deleted:
        return NoMaskReason.DELETED
    if not target.owner.is_premium:
        return NoMaskReason.NEEDS_PREMIUM
    if not is_allowed_mask_name(target.local):
        return NoMaskReason.NAME_NOT_ALLOWED
    return None


def why_dropped(
    mail: MailFacts, owner: OwnerFacts, policy: Policy, now: datetime
) -> DropReason | None:
    """Return why the service drops this mail, whatever the mask's settings. None: it doesn't."""
    return next((reason for reason, applies in _DROPS if applies(mail, owner, policy, now)), None)


def is_within(pause: timedelta, since: datetime | None, now: datetime) -> bool:
    """Return whether a pause that began at `since` is still on."""
    return since is not None and now < since + pause


def is_flagged(owner: OwnerFacts, policy: Policy, now: datetime) -> bool:
    """Return whether the owner can send no replies, having sent too many."""
    return is_within(policy.abuse_pause, owner.flagged_at, now)


_Rule: TypeAlias = Callable[[MailFacts, OwnerFacts, Policy, datetime], bool]

# In this order: the first rule that applies gives the reason.
_DROPS: tuple[tuple[DropReason, _Rule], ...] = (
    (DropReason.VIRUS, lambda mail, *_: mail.verdicts.virus is Verdict.FAIL),
    (DropReason.DEACTIVATED, lambda _, owner, *__: not owner.is_active),
)


_HOLDS: tuple[tuple[HeldReason, Callable[[MailFacts, OwnerFacts], bool]], ...] = (
    (
        HeldReason.SPAM,
        lambda mail, owner: mail.verdicts.spam is Verdict.FAIL and owner.blocks_spam,
    ),
    (
        HeldReason.DMARC_REJECT,
        lambda mail, _: mail.verdicts.dmarc is Verdict.FAIL and mail.verdicts.dmarc_rejects,
    ),
    (
        HeldReason.DMARC_QUARANTINE,
        lambda mail, _: mail.verdicts.dmarc is Verdict.FAIL and mail.verdicts.dmarc_quarantines,
    ),
    (HeldReason.MAILBOX, lambda _, owner: owner.has_open_breaker),
)


def _why_held(
    mail: MailFacts, owner: OwnerFacts, waived: Collection[HeldReason]
) -> HeldReason | None:
    return next(
        (reason for reason, holds in _HOLDS if reason not in waived and holds(mail, owner)), None
    )


def _why_blocked(
    mail: MailFacts, target: FoundMask | CreatableMask, *, is_from_blocked_sender: bool
) -> BlockReason | None:
    by_mask = _why_mask_blocks(mail, target) if isinstance(target, FoundMask) else None
    return by_mask or (BlockReason.BLOCKS_SENDER if is_from_blocked_sender else None)


def _why_mask_blocks(mail: MailFacts, target: FoundMask) -> BlockReason | None:
    match target.mask.block:
        case Block.ALL:
            return BlockReason.BLOCKS_ALL
        case Block.PROMOTIONS:
            # Blocking promotions is a premium feature: for other owners the setting has no effect.
            if target.owner.is_premium and is_list_mail(mail):
                return BlockReason.BLOCKS_PROMOTIONS
            return None
        case Block.NONE:
            return None
        case _:
            assert_never(target.mask.block)
