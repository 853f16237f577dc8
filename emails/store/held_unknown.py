"""Mails that are held because nobody could look up whose mask it is. They may have no owner yet."""

from datetime import datetime

from django.db.models import F, QuerySet
from django.db.models.functions import Now

from emails.models import HeldMail as Row
from emails.store.database import raises_not_finished
from emails.store.held import end, find_held
from emails.values.held import HeldMail, HeldState
from emails.values.outcomes import HeldReason, NoMask, NoMaskReason

REASON = HeldReason.MASK_NOT_LOOKED_UP


@raises_not_finished
def find_unknown(limit: int) -> tuple[HeldMail, ...]:
    """Find the oldest mails that are held so."""
    return find_held(reason=REASON, limit=limit)


@raises_not_finished
def release_to(mail: HeldMail, owner_id: int) -> None:
    """Release a mail to its owner, who is known now: it is decided anew."""
    _still_held(mail).update(
        owner=owner_id,
        state=HeldState.RELEASING,
        releases=F("releases") + 1,
        attempts=0,
        tried_at=None,
        released_at=Now(),
    )


@raises_not_finished
def end_as_nobodys(mail: HeldMail, reason: NoMaskReason, now: datetime) -> None:
    """End a mail to a mask that nobody has."""
    end(_still_held(mail), NoMask(reason), now)


def _still_held(mail: HeldMail) -> "QuerySet[Row]":
    return Row.objects.filter(pk=mail.id, state=HeldState.HELD, reason=REASON.value)
