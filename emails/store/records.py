"""Records what came of a delivery. Each `record_` function is one transaction.

The database itself increments counters (`F()` or an upsert), so concurrent workers lose no counts.
Rows are always locked in the order delivery, counter, mask, owner, breaker, held mail. All
functions raise `NotFinished` if the database is unavailable.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import F

from emails.models import DeliveryState, DomainMask, Profile
from emails.store import claims, held_releases, mailbox_breakers
from emails.store.counters import count_mask_of_owner, count_mask_of_sender, day_of
from emails.store.database import raises_not_finished, statement
from emails.store.lookups import row_of
from emails.store.reply_records import ReplyRecord
from emails.store.row_mapping import MASK_COLUMNS, mask_facts
from emails.values.deliveries import Claim, Sent
from emails.values.facts import (
    Block,
    CreatableMask,
    FoundMask,
    MaskFacts,
    MaskKind,
    MaskRef,
    OwnerFacts,
    Policy,
    ReplyFacts,
)
from emails.values.mailboxes import BreakerChange, MailboxBounce
from emails.values.outcomes import (
    Blocked,
    Dropped,
    Forwarded,
    HeldReason,
    Outcome,
    RecordReason,
    name_of,
)

_RECORD_FORWARDED = {
    kind: statement("record_forwarded").format(kind=kind.value) for kind in MaskKind
}
_RECORD_STAND_IN = {kind: statement("record_stand_in").format(kind=kind.value) for kind in MaskKind}

_REFUSED = frozenset({RecordReason.BOUNCED_AS_SPAM, RecordReason.BOUNCE_NOT_ABOUT_MAILBOX})
"""The owner's mail server refused this mail, but takes others."""


class _TooManyMasks(Exception):
    """Rolls back the creation of a mask."""


@raises_not_finished
def record_settled(
    claimed: Claim,
    outcome: Outcome,
    mask: MaskRef | None,
    now: datetime,
    sent_as: str | None = None,
) -> None:
    """Finish a delivery, and count a blocked or dropped mail for its mask.

    `sent_as` is SES's id if a mail was sent all the same, such as a notice.
    """
    with transaction.atomic():
        if not claims.finish(claimed, outcome, now, mask, sent_as) or mask is None:
            return
        if isinstance(outcome, Blocked):
            row_of(mask).update(blocked=F("blocked") + 1)
        elif isinstance(outcome, Dropped):
            row_of(mask).update(dropped=F("dropped") + 1)


@raises_not_finished
def record_new_mask(
    creatable: CreatableMask, sender: str, policy: Policy | None, now: datetime
) -> MaskFacts | None:
    """Create the domain mask; None if that exceeds a limit of the sender or the owner for today.

    Counts and checks in one transaction, so that a flood can't get past the limits. `sender` is its
    key in the owner's scope; without a `policy` there are no limits.
    """
    try:
        with transaction.atomic():
            mask, is_new = DomainMask.objects.get_or_create(
                local=creatable.local,
                domain=creatable.domain,
                defaults={"profile_id": creatable.owner.id},
            )
            if is_new:
                by_sender = count_mask_of_sender(sender, now)
                today = count_mask_of_owner(creatable.owner.id, now)
                if policy and (
                    by_sender > policy.max_masks_per_sender or today > policy.max_masks_per_day
                ):
                    raise _TooManyMasks
            return mask_facts(mask.KIND, [getattr(mask, column) for column in MASK_COLUMNS])
    except _TooManyMasks:
        return None


@raises_not_finished
def record_forwarded(
    claimed: Claim,
    outcome: Forwarded,
    found: FoundMask,
    sent: Sent,
    sender: str,
    reply: ReplyRecord | None,
    now: datetime,
) -> None:
    """Finish a forwarded mail: its counters, and the record that lets its owner reply.

    `sender` is its key in the mask's scope. Changes nothing if the delivery was finished before.
    Writes no reply record if the mask was deleted meanwhile.

    One statement for four tables: a worker that dies between SES's answer and this record causes a
    second send, so the gap must be short. It also saves a tenth of the CPU time per mail.
    """
    values = {
        "finished": DeliveryState.FINISHED.value,
        "outcome": name_of(outcome),
        "reason": outcome.reason.value,
        "delivery": claimed.delivery_id,
        "mask": found.mask.ref.id,
        "mask_ref": str(found.mask.ref),
        "sent_as": sent.message_id,
        "sender_domain": sent.sender,
        "trackers_removed": sent.trackers_removed,
        "has_reply": reply is not None,
        "lookup": reply.lookup if reply else None,
        "metadata": reply.metadata if reply else None,
        "sender": sender,
        "size": sent.size,
        "day": day_of(now),
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(_RECORD_FORWARDED[found.mask.ref.kind], values)


@raises_not_finished
def record_stand_ins(mask: MaskRef, stand_ins: Sequence[ReplyRecord], now: datetime) -> None:
    """Record what lets an owner's calendar answer; the newest mail's record replaces older ones.

    Writes nothing if the mask was deleted meanwhile.
    """
    with connection.cursor() as cursor:
        for one in stand_ins:
            values: dict[str, Any] = {"lookup": one.lookup, "metadata": one.metadata}
            values |= {"mask": mask.id, "now": now}
            cursor.execute(_RECORD_STAND_IN[mask.kind], values)


@raises_not_finished
def record_replied(
    claimed: Claim, outcome: Outcome, facts: ReplyFacts, ses_id: str, now: datetime
) -> None:
    """Finish a reply that was sent. It was counted when its place was reserved."""
    with transaction.atomic():
        if not claims.finish(claimed, outcome, now, facts.mask.ref, ses_id):
            return
        row_of(facts.mask.ref).update(replied=F("replied") + 1, last_used_at=now)
        Profile.objects.filter(pk=facts.owner.id, first_replied_at=None).update(
            first_replied_at=now
        )


@raises_not_finished
def record_feedback(
    claimed: Claim,
    outcome: Outcome,
    owner: OwnerFacts | None,
    mask: MaskRef | None,
    now: datetime,
    delivery: str = "",
) -> None:
    """Finish a bounce or a complaint, and make the change that its reason calls for.

    A mail that was released before, was refused, and is still in S3, is held again: its owner may
    want it. `delivery` is the reference of the delivery that bounced.
    """
    with transaction.atomic():
        if not claims.finish(claimed, outcome, now, mask) or owner is None:
            return
        profile = Profile.objects.filter(pk=owner.id)
        match outcome.reason:
            case RecordReason.BOUNCED_AS_SPAM | RecordReason.SPAM_BLOCKING_ON:
                profile.update(blocks_spam=True)
            case RecordReason.MASK_DISABLED if mask is not None:
                row_of(mask).update(block=Block.ALL.value)
        if outcome.reason in _REFUSED:
            held_releases.hold_bounced(delivery, HeldReason.CANNOT_BE_SENT)


@raises_not_finished
def record_mailbox_bounce(
    claimed: Claim,
    outcome: Outcome,
    owner: OwnerFacts,
    mask: MaskRef | None,
    bounce: MailboxBounce,
    policy: Policy,
    now: datetime,
) -> BreakerChange | None:
    """Finish a bounce of an owner's mailbox: its breaker changes, or not, and the mail is kept.

    A mail that was released before and is still in S3 is held again. For a mailbox that is no
    longer the owner's, that is all: the new one gets it.
    """
    change = None
    with transaction.atomic():
        if not claims.finish(claimed, outcome, now, mask):
            return None
        if outcome.reason is not RecordReason.BOUNCE_OF_FORMER_ADDRESS:
            change = mailbox_breakers.record_bounce(
                owner, bounce, policy.probe_after, policy.probe_wait
            )
        held_releases.hold_bounced(bounce.delivery, HeldReason.MAILBOX)
    return change
