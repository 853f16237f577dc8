"""Reserves places in daily limits before anything is sent, each bound to the claim's delivery.

A retry finds its place reserved (`Claim.is_reserved`), and a refusal gives it back, so a failure
neither uses up a limit nor gets past it. All functions raise `NotFinished` if the database is
unavailable.
"""

from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Q

from emails.models import AbuseCounter, AbusePause, Profile
from emails.store.counters import day_of
from emails.store.database import raises_not_finished, statement
from emails.values.deliveries import Claim
from emails.values.facts import FoundMask, MaskKind, OwnerFacts, Policy
from emails.values.outcomes import HeldReason, ReplyReason

_RESERVE_FORWARD = {kind: statement("reserve_forward").format(kind=kind.value) for kind in MaskKind}
_RESERVE_REPLY = {
    ReplyReason.PREMIUM: statement("reserve_reply"),
    ReplyReason.FIRST_REPLY: statement("reserve_first_reply"),
}
_GIVE_BACK_REPLY = statement("give_back_reply")


@raises_not_finished
def reserve_forward(
    claimed: Claim, found: FoundMask, sender: str, size: int, policy: Policy, now: datetime
) -> HeldReason | None:
    """Reserve a mail's place in today's limits; return which limit has no room, if one has none.

    `sender` is its key in the mask's scope, `size` the mail's bytes.
    """
    values: dict[str, Any] = {
        "delivery": claimed.delivery_id,
        "mask": found.mask.ref.id,
        "sender": sender,
        "day": day_of(now),
        "size": size,
        "mask_mails": policy.mask_limit.mails,
        "mask_bytes": policy.mask_limit.size,
        "sender_mails": policy.sender_limit.mails,
        "sender_bytes": policy.sender_limit.size,
    }
    with connection.cursor() as cursor:
        cursor.execute(_RESERVE_FORWARD[found.mask.ref.kind], values)
        has_place, sender_has_room = cursor.fetchone()
    if has_place:
        return None
    return HeldReason.MASK_LIMIT if sender_has_room else HeldReason.SENDER_LIMIT


@raises_not_finished
def reserve_reply(
    claimed: Claim, owner: OwnerFacts, reason: ReplyReason, policy: Policy, now: datetime
) -> bool:
    """Reserve a reply's place: today's, or the one free reply. False: there is none left."""
    values: dict[str, Any] = {
        "delivery": claimed.delivery_id,
        "owner": owner.id,
        "day": day_of(now),
        "limit": policy.max_replies_per_day,
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(_RESERVE_REPLY[reason], values)
        (has_place,) = cursor.fetchone()
    return bool(has_place)


@raises_not_finished
def give_back_reply(claimed: Claim, owner: OwnerFacts) -> None:
    """Give back the place of a reply that won't be sent, if it had one."""
    with connection.cursor() as cursor:
        cursor.execute(_GIVE_BACK_REPLY, {"delivery": claimed.delivery_id, "owner": owner.id})


@raises_not_finished
def pause_for_abuse(owner: OwnerFacts, policy: Policy, now: datetime) -> int | None:
    """Pause an owner's replies, with a row for review; return today's replies.

    None: they were paused before.
    """
    with transaction.atomic():
        is_over = Q(flagged_at=None) | Q(flagged_at__lte=now - policy.abuse_pause)
        if not Profile.objects.filter(is_over, pk=owner.id).update(flagged_at=now):
            return None
        today = AbuseCounter.objects.filter(profile=owner.id, day=day_of(now))
        replies = today.values_list("replies", flat=True).first() or 0
        AbusePause.objects.create(profile_id=owner.id, began_at=now, replies=replies)
    return replies


def lift_abuse_pause(pause: AbusePause, now: datetime) -> bool:
    """Let an owner reply again at once, with a fresh limit for today.

    False: the pause was lifted before.
    """
    with transaction.atomic():
        if not AbusePause.objects.filter(pk=pause.pk, lifted_at=None).update(lifted_at=now):
            return False
        AbuseCounter.objects.filter(profile=pause.profile_id, day=day_of(now)).update(replies=0)
        Profile.objects.filter(pk=pause.profile_id).update(flagged_at=None)
    return True
