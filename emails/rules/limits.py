"""Daily limits of what is forwarded: for a sender's domain first, then for the mask. Pure.

A mail over one is held until the next day. So a flood takes nothing from the owner's other masks,
nor, as long as it comes from one domain, from the mask's other senders. A UTC day is a day.

Counting a mail when it is recorded as forwarded costs next to nothing, but those that are on their
way are not counted yet. Near a limit each mail therefore reserves its place before it is sent.
"""

from dataclasses import replace

from emails.values.facts import CreatableMask, FoundMask, Policy, Usage, Volume
from emails.values.outcomes import HeldReason

REASONS = frozenset({HeldReason.SENDER_LIMIT, HeldReason.MASK_LIMIT, HeldReason.NEW_MASK_LIMIT})
"""Why a mail is held that is over a daily limit."""

LARGEST_MAIL_BYTES = 60_000_000
"""No limit is below it, or a large mail would never be forwarded. SES takes up to 40 MB."""

_ON_THEIR_WAY = 256
"""Mails of one mask that may be on their way at once: more than most relays have threads."""


def why_over(target: FoundMask | CreatableMask, policy: Policy) -> HeldReason | None:
    """Return which limit has no room for another mail today. None: there is room, or nearly."""
    match target:
        case CreatableMask(made_today=in_all, made_by_sender=by_sender):
            is_over = in_all >= policy.max_masks_per_day or by_sender >= policy.max_masks_per_sender
            return HeldReason.NEW_MASK_LIMIT if is_over else None
        case FoundMask(usage=usage):
            if _is_reached(usage.sender, policy.sender_limit):
                return HeldReason.SENDER_LIMIT
            if _is_reached(usage.mask, policy.mask_limit):
                return HeldReason.MASK_LIMIT
            return None


def is_near(target: FoundMask | CreatableMask, policy: Policy) -> bool:
    """Return whether mails on their way may reach a limit, so that this one must reserve."""
    usage = target.usage if isinstance(target, FoundMask) else Usage()
    return _is_nearly_reached(usage.sender, policy.sender_limit) or _is_nearly_reached(
        usage.mask, policy.mask_limit
    )


def for_late_mails(policy: Policy) -> Policy:
    """Return the limits for held mails: half of a day's, so that they leave today's mail room."""
    return replace(
        policy,
        mask_limit=_half(policy.mask_limit),
        sender_limit=_half(policy.sender_limit),
        max_masks_per_day=(policy.max_masks_per_day + 1) // 2,
        max_masks_per_sender=(policy.max_masks_per_sender + 1) // 2,
    )


def _is_reached(used: Volume, limit: Volume) -> bool:
    return used.mails >= limit.mails or used.size >= limit.size


def _is_nearly_reached(used: Volume, limit: Volume) -> bool:
    return used.mails + _ON_THEIR_WAY >= limit.mails or 2 * used.size >= limit.size


def _half(limit: Volume) -> Volume:
    return Volume((limit.mails + 1) // 2, max(limit.size // 2, min(limit.size, LARGEST_MAIL_BYTES)))
