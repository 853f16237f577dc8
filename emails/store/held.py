"""Held mails: records them, finds them, and moves them from state to state.

    held ──▶ releasing ──▶ ended ──▶ cleared       forwarded, or what else came of it
     │  ◀──────┘             │                     held again, for another reason
     │  ◀────────────────────┘                     held again: the forwarded mail bounced
     └───────────────────▶ ended                   discarded, expired, or without its mask

The database is the truth. A mail in S3 whose row is `ended` is deleted next; one without any row
was copied by an attempt that then failed, and the bucket's own expiry removes it. `held_releases`
has the steps of a release. All functions raise `NotFinished` if the database is unavailable.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

from django.db import transaction
from django.db.models import Count, F, Min, Q, QuerySet
from django.db.models.functions import Now

from emails.models import HELD_STATES, Delivery
from emails.models import HeldMail as Row
from emails.store import claims
from emails.store.database import raises_not_finished
from emails.store.row_mapping import HELD_COLUMNS, held_mail, verdict_words
from emails.values.deliveries import Claim
from emails.values.facts import MaskKind, MaskRef
from emails.values.held import HeldCount, HeldMail, HeldState, HeldTarget, NewMask, ToHold
from emails.values.notifications import StoredMail
from emails.values.outcomes import (
    Dropped,
    DropReason,
    Expired,
    Forwarded,
    ForwardReason,
    Held,
    HeldReason,
    NoMask,
    NoMaskReason,
    Outcome,
    name_of,
)

if TYPE_CHECKING:
    Rows = QuerySet[Row]

DeleteMails: TypeAlias = Callable[[Sequence[StoredMail]], Sequence[StoredMail]]
"""Deletes mails from S3, and returns those that are gone."""

_DISCARDED = Dropped(DropReason.DISCARDED)
_NO_MASK = NoMask(NoMaskReason.DELETED)
_FORWARDED = Forwarded(ForwardReason.EXISTING_MASK)

RELEASE_GRACE = timedelta(days=7)
"""How long after its expiry a mail may still be released. The bucket's own expiry is later."""

KEPT_AFTER_FORWARDING = timedelta(minutes=15)
"""How long a forwarded mail is kept, so that it can be held again if the mailbox refuses it."""


@raises_not_finished
def record_held(claimed: Claim, held: Held, mail: ToHold, now: datetime) -> None:
    """Finish a delivery as held. Changes nothing if the delivery was finished before."""
    with transaction.atomic():
        mask = mail.target if isinstance(mail.target, MaskRef) else None
        if not claims.finish(claimed, held, now, mask):
            return
        delivery = Delivery.objects.get(pk=claimed.delivery_id)
        Row.objects.create(
            owner_id=mail.owner_id,
            **_columns_of(mail.target),
            reason=held.reason.value,
            sns_message_id=delivery.sns_message_id,
            recipient=delivery.recipient,
            bucket=mail.mail.bucket,
            key=mail.mail.key,
            size=mail.size,
            verdicts=verdict_words(mail.verdicts),
            sender=mail.sender,
            received_at=mail.received_at,
            held_at=now,
            expires_at=mail.expires_at,
            frozen_by=mail.frozen_by,
        )


@raises_not_finished
def find_held(
    *,
    owner: int | None = None,
    mask: MaskRef | None = None,
    reason: HeldReason | None = None,
    ids: Collection[int] | None = None,
    states: Collection[HeldState] = (HeldState.HELD,),
    after: tuple[datetime, int] | None = None,
    limit: int = 100,
) -> tuple[HeldMail, ...]:
    """Find held mails, the oldest first: those that match everything given.

    `after` continues behind a mail's `received_at` and id.
    """
    rows = _in_states(states)
    if owner is not None:
        rows = rows.filter(owner=owner)
    if mask is not None:
        rows = rows.filter(**_columns_of(mask))
    if reason is not None:
        rows = rows.filter(reason=reason.value)
    if ids is not None:
        rows = rows.filter(pk__in=ids)
    if after is not None:
        received_at, last_id = after
        rows = rows.filter(
            Q(received_at__gt=received_at) | Q(received_at=received_at, pk__gt=last_id)
        )
    found = rows.order_by("received_at", "pk").values_list(*HELD_COLUMNS)[:limit]
    return tuple(map(held_mail, found))


@raises_not_finished
def release(ids: Collection[int]) -> int:
    """Release mails on somebody's word; return how many were held.

    They are not held again for the same reason.
    """
    released = 0
    with transaction.atomic():
        rows = _in_states([HeldState.HELD]).filter(pk__in=ids).select_for_update().order_by("pk")
        for key, waived, reason in list(rows.values_list("pk", "waived", "reason")):
            named = sorted({*waived, reason})
            released += release_rows(Row.objects.filter(pk=key), waived=named)
    return released


@raises_not_finished
def release_all(owner: int, reason: HeldReason) -> int:
    """Release an owner's mails whose reason is gone; return how many were held.

    Each is decided anew: it is held again if the reason isn't gone after all.
    """
    rows = _in_states([HeldState.HELD]).filter(owner=owner, reason=reason.value)
    return release_rows(rows)


@raises_not_finished
def discard(ids: Collection[int], now: datetime) -> int:
    """End mails on somebody's word, without forwarding; return how many were held."""
    return end(_in_states([HeldState.HELD]).filter(pk__in=ids), _DISCARDED, now)


@raises_not_finished
def expire(now: datetime, limit: int) -> Mapping[HeldReason, int]:
    """End mails whose time is over, at most `limit`; return how many of each reason.

    One that is being released has `RELEASE_GRACE` more.
    """
    expired: dict[HeldReason, int] = {}
    with transaction.atomic():
        is_due = Q(state=HeldState.HELD, expires_at__lte=now) | Q(
            state=HeldState.RELEASING, expires_at__lte=now - RELEASE_GRACE
        )
        rows = Row.objects.filter(is_due).order_by("expires_at")
        due = rows.select_for_update(skip_locked=True).values_list("pk", "reason")[:limit]
        by_reason: dict[str, list[int]] = {}
        for key, reason in due:
            by_reason.setdefault(reason, []).append(key)
        for reason, keys in by_reason.items():
            why = HeldReason(reason)
            expired[why] = end(Row.objects.filter(pk__in=keys), Expired(why), now)
    return expired


@raises_not_finished
def end_orphans(now: datetime) -> int:
    """End the mails whose mask or owner was deleted; return how many.

    Those whose mask could not be looked up have no owner yet.
    """
    no_mask = Q(random_mask=None, domain_mask=None, new_local=None)
    ownerless = Q(owner=None) & ~Q(reason=HeldReason.MASK_NOT_LOOKED_UP.value)
    return end(_in_states(HELD_STATES).filter(no_mask | ownerless), _NO_MASK, now)


@raises_not_finished
def clear(now: datetime, limit: int, delete: DeleteMails) -> None:
    """Let ended mails be deleted from S3, at most `limit`, and record which were.

    Their rows are locked until that is recorded: a mail that bounces at this moment must not be
    held again when nothing is left of it. The bounce waits, and then finds it cleared.
    """
    with transaction.atomic():
        rows = _to_clear(now).select_for_update(skip_locked=True, of=("self",))
        found = {
            StoredMail(bucket, key): row
            for row, bucket, key in rows.order_by("ended_at").values_list("pk", "bucket", "key")[
                :limit
            ]
        }
        if found:
            ids = [found[mail] for mail in delete(list(found))]
            Row.objects.filter(pk__in=ids).update(state=HeldState.CLEARED)


def _to_clear(now: datetime) -> "Rows":
    """Return the ended mails that are to be deleted from S3.

    A forwarded one is kept for a while, in case it bounces; a mailbox's probe, until the answer;
    one whose sender was blocked, until its sender's name was read.
    """
    ended = _in_states([HeldState.ENDED]).filter(blockedsender__isnull=True)
    may_bounce = Q(outcome=name_of(_FORWARDED), ended_at__gt=now - KEPT_AFTER_FORWARDING)
    return ended.exclude(may_bounce).filter(mailboxbreaker=None)


@raises_not_finished
def count_by_reason() -> Mapping[HeldReason, HeldCount]:
    """Count the mails that are held or being released, for each reason that has some."""
    counts = _in_states(HELD_STATES).values_list("reason").annotate(Count("pk"), Min("received_at"))
    return {HeldReason(reason): HeldCount(*rest) for reason, *rest in counts}


@raises_not_finished
def find_oldest_release() -> datetime | None:
    """Find when the mail was released that has waited longest to be forwarded."""
    oldest: datetime | None = _in_states([HeldState.RELEASING]).aggregate(
        oldest=Min("released_at")
    )["oldest"]
    return oldest


def end(rows: "Rows", outcome: Outcome, now: datetime) -> int:
    """Give these rows their last outcome; return how many."""
    return rows.update(
        state=HeldState.ENDED,
        outcome=name_of(outcome),
        outcome_reason=outcome.reason.value,
        ended_at=now,
    )


def release_rows(rows: "Rows", **changes: object) -> int:
    """Begin a release of these rows; return how many."""
    return rows.update(
        state=HeldState.RELEASING,
        releases=F("releases") + 1,
        attempts=0,
        tried_at=None,
        released_at=Now(),
        **changes,
    )


def _in_states(states: Collection[str]) -> "Rows":
    return Row.objects.filter(state__in=[str(state) for state in states])


def _columns_of(target: HeldTarget) -> dict[str, int | str]:
    match target:
        case NewMask(local, domain):
            return {"new_local": local, "new_domain": domain}
        case MaskRef(kind, key):
            return {"random_mask_id" if kind is MaskKind.RANDOM else "domain_mask_id": key}
