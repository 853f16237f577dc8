"""The steps of a held mail's release. All raise `NotFinished` if the database is unavailable.

Attempts are counted when they have the claim, and taken back when they end without blame, so the
count is how many crashed their workers or failed by the mail's own fault. Each step applies to one
release of the mail: after it was held again and released anew, an older attempt changes nothing.
"""

from collections.abc import Collection
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import Case, F, Q, Value, When

from emails.models import HeldMail as Row
from emails.rules import limits
from emails.rules.freezes import Frozen
from emails.store import claims
from emails.store.claims import recipient_hash
from emails.store.counters import day_of
from emails.store.database import raises_not_finished, statement
from emails.store.held import end, release_rows
from emails.store.row_mapping import HELD_COLUMNS, held_mail
from emails.values.facts import MaskKind
from emails.values.held import HeldMail, HeldState
from emails.values.outcomes import Held, HeldReason, Outcome

if TYPE_CHECKING:
    from django.db.models import QuerySet


_RELEASE_AFTER_LIMITS = statement("release_after_limits")

_NO_NEWS = limits.REASONS | {HeldReason.MAILBOX, HeldReason.FROZEN, HeldReason.REPUTATION}

_NOTHING = Frozen(frozenset(), frozenset(), frozenset())

_FREEZE_PAUSE = timedelta(minutes=10)

OF_EACH_OWNER = 200
"""How many mails of an owner one run releases that were held for a limit."""


def purpose_of(releases: int) -> str:
    """Name the delivery of a release: each release of a mail is one of its own."""
    return f"release {releases}"


@raises_not_finished
def find_to_release(lane: int, lanes: int, limit: int, frozen: Frozen = _NOTHING) -> list[int]:
    """Find mails to release of every `lanes`-th owner: oldest first, then those that failed.

    What is frozen waits.
    """
    rows = _not_frozen(frozen).alias(lane=F("owner_id") % lanes)
    order = (F("tried_at").asc(nulls_first=True), "received_at", "pk")
    return list(rows.filter(lane=lane).order_by(*order).values_list("pk", flat=True)[:limit])


@raises_not_finished
def is_any_to_release() -> bool:
    """Return whether there is a mail to release."""
    return Row.objects.filter(state=HeldState.RELEASING).exists()


@raises_not_finished
def release_after_freezes(in_force: Collection[str], now: datetime, limit: int) -> int:
    """Release the oldest mails whose freeze is over; return how many.

    `in_force` are the controls that are not. A mail that was tried lately, and is held again, waits
    a little.
    """
    lately = Q(tried_at__gt=now - _FREEZE_PAUSE)
    frozen = Row.objects.filter(state=HeldState.HELD, reason=HeldReason.FROZEN.value)
    over = frozen.filter(owner__user__is_active=True).exclude(frozen_by__in=in_force)
    oldest = over.exclude(lately).order_by("received_at", "pk").values_list("pk", flat=True)
    return release_rows(Row.objects.filter(pk__in=list(oldest[:limit]), state=HeldState.HELD))


@raises_not_finished
def note_frozen(mail: HeldMail, control: str) -> None:
    """Note which control holds a mail again."""
    _of_this_release(mail).update(frozen_by=control)


@raises_not_finished
def release_after_limits(now: datetime) -> int:
    """Release mails that were held for a limit of an earlier UTC day; return how many.

    Of each owner the `OF_EACH_OWNER` oldest, so that a flood doesn't keep the lanes busy; the rest
    follows with the next runs.
    """
    values: dict[str, Any] = {
        "reasons": sorted(limits.REASONS),
        "day_began": datetime.combine(day_of(now), time.min, UTC),
        "of_each_owner": OF_EACH_OWNER,
    }
    with connection.cursor() as cursor:
        cursor.execute(_RELEASE_AFTER_LIMITS, values)
        return int(cursor.rowcount)


@raises_not_finished
def begin(key: int, now: datetime) -> HeldMail | None:
    """Find a mail, and note that it is tried now; None if it is no longer to be released."""
    rows = Row.objects.filter(pk=key, state=HeldState.RELEASING)
    rows.update(tried_at=now)
    row = rows.values_list(*HELD_COLUMNS).first()
    return held_mail(row) if row else None


@raises_not_finished
def count_attempt(mail: HeldMail) -> int:
    """Count an attempt, and return the count. Only who holds the claim may."""
    rows = _of_this_release(mail)
    rows.update(attempts=F("attempts") + 1)
    return rows.values_list("attempts", flat=True).first() or 0


@raises_not_finished
def take_back_attempt(mail: HeldMail) -> None:
    """Uncount an attempt that failed by no fault of the mail."""
    _of_this_release(mail).filter(attempts__gt=0).update(attempts=F("attempts") - 1)


@raises_not_finished
def record_released(mail: HeldMail, outcome: Outcome, now: datetime) -> None:
    """Record what came of a release: the mail has ended, or is held again."""
    if isinstance(outcome, Held):
        hold_again(_of_this_release(mail), outcome.reason)
    else:
        end(_of_this_release(mail), outcome, now)


@raises_not_finished
def hold_bounced(reference: str, reason: HeldReason) -> bool:
    """Hold a mail again that was forwarded by the delivery with this reference, and bounced.

    False: the delivery was no release, or the mail is no longer in S3. It may bounce before its
    release was recorded: what is recorded then, changes nothing.
    """
    delivery = claims.find_by_reference(reference)
    if delivery is None:
        return False
    states = [HeldState.ENDED, HeldState.RELEASING]
    rows = Row.objects.filter(sns_message_id=delivery.sns_message_id, state__in=states)
    for key, recipient, releases in rows.values_list("pk", "recipient", "releases"):
        released = recipient_hash(delivery.sns_message_id, purpose_of(releases), recipient)
        if released == delivery.recipient:
            return hold_again(rows.filter(pk=key), reason) == 1
    return False


def hold_again(rows: "QuerySet[Row]", reason: HeldReason) -> int:
    """Hold these rows' mails for this reason; return how many.

    If it is another than before, their owners are to be told: they think that the mail is on its
    way. But a limit's mail follows the next day, a frozen one when the freeze ends, a worst
    sender's when little comes back again, and to a broken mailbox nothing can be told.
    """
    news: dict[str, Any] = {}
    if reason not in _NO_NEWS:
        is_same = When(reason=reason.value, then=F("tell_again"))
        news = {"tell_again": Case(is_same, default=Value(True))}
    return rows.update(
        **news,
        state=HeldState.HELD,
        reason=reason.value,
        attempts=0,
        released_at=None,
        outcome="",
        outcome_reason="",
        ended_at=None,
    )


def _not_frozen(frozen: Frozen) -> "QuerySet[Row]":
    rows = Row.objects.filter(state=HeldState.RELEASING)
    by_kind = {kind: [m.id for m in frozen.masks if m.kind is kind] for kind in MaskKind}
    for column, values in (
        ("owner_id", frozen.owners),
        ("reason", frozen.reasons),
        ("random_mask_id", by_kind[MaskKind.RANDOM]),
        ("domain_mask_id", by_kind[MaskKind.DOMAIN]),
    ):
        if values:
            # Not `exclude`: NULL is not frozen.
            rows = rows.filter(~Q(**{f"{column}__in": values}) | Q(**{f"{column}__isnull": True}))
    return rows


def _of_this_release(mail: HeldMail) -> "QuerySet[Row]":
    return Row.objects.filter(pk=mail.id, state=HeldState.RELEASING, releases=mail.releases)
