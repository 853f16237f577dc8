"""The steps of a held mail's release. All raise `NotFinished` if the database is unavailable.

Attempts are counted when they have the claim, and taken back when they end without blame, so the
count is how many crashed their workers or failed by the mail's own fault. Each step applies to one
release of the mail: after it was held again and released anew, an older attempt changes nothing.
"""

from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import Case, F, Value, When

from emails.models import HeldMail as Row
from emails.rules import limits
from emails.store import claims
from emails.store.claims import recipient_hash
from emails.store.counters import day_of
from emails.store.database import raises_not_finished, statement
from emails.store.held import end
from emails.store.row_mapping import HELD_COLUMNS, held_mail
from emails.values.held import HeldMail, HeldState
from emails.values.outcomes import Held, HeldReason, Outcome

if TYPE_CHECKING:
    from django.db.models import QuerySet


_RELEASE_AFTER_LIMITS = statement("release_after_limits")

_NO_NEWS = limits.REASONS | {HeldReason.MAILBOX}

OF_EACH_OWNER = 200
"""How many mails of an owner one run releases that were held for a limit."""


def purpose_of(releases: int) -> str:
    """Name the delivery of a release: each release of a mail is one of its own."""
    return f"release {releases}"


@raises_not_finished
def find_to_release(lane: int, lanes: int, limit: int) -> list[int]:
    """Find mails to release of every `lanes`-th owner: oldest first, then those that failed."""
    rows = Row.objects.filter(state=HeldState.RELEASING).alias(lane=F("owner_id") % lanes)
    order = (F("tried_at").asc(nulls_first=True), "received_at", "pk")
    return list(rows.filter(lane=lane).order_by(*order).values_list("pk", flat=True)[:limit])


@raises_not_finished
def is_any_to_release() -> bool:
    """Return whether there is a mail to release."""
    return Row.objects.filter(state=HeldState.RELEASING).exists()


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
    way. But a limit's mail follows the next day, and to a broken mailbox nothing can be told.
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


def _of_this_release(mail: HeldMail) -> "QuerySet[Row]":
    return Row.objects.filter(pk=mail.id, state=HeldState.RELEASING, releases=mail.releases)
