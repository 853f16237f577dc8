"""Rows → facts. The only place that knows both shapes."""

from emails.facts import Block, FoundMask, MaskFacts, MaskRef, OwnerFacts
from emails.models import Mask, Profile


def mask_facts(mask: Mask) -> MaskFacts:
    """Take a snapshot of a mask."""
    return MaskFacts(
        ref=MaskRef(mask.KIND, mask.pk),
        address=mask.address,
        block=Block(mask.block),
        label=mask.label,
    )


def owner_facts(profile: Profile) -> OwnerFacts:
    """Take a snapshot of an owner; the profile's user must be loaded with it."""
    return OwnerFacts(
        id=profile.pk,
        address=profile.user.email,
        language=profile.language,
        is_active=profile.user.is_active,
        is_premium=profile.is_premium,
        blocks_spam=profile.blocks_spam,
        removes_trackers=profile.removes_trackers,
        allows_metrics=profile.allows_metrics,
        has_replied=profile.first_replied_at is not None,
        hard_bounced_at=profile.hard_bounced_at,
        soft_bounced_at=profile.soft_bounced_at,
        flagged_at=profile.flagged_at,
    )


def found_mask(mask: Mask) -> FoundMask:
    """Take a snapshot of a mask and its owner; both must be loaded with it."""
    return FoundMask(mask_facts(mask), owner_facts(mask.profile))
