"""Digests of held mails: when one is due, which mails it tells of, and that it was sent.

    due ──▶ open ──▶ ended      sent, or nothing was left to tell

A quiet owner is told an hour after the first mail was held, so that a burst is told of at once;
then at most every 24 hours, and only of something new. A mail that was released, and is held again
for another reason, is new: its owner thinks that it is on its way. Mails that are held because the
owner's mailbox refuses mail are not told of: the digest would bounce, too, and they are released by
themselves. While there are any, no digest is due. Nor is one for an owner who turned them off. When
they are on again, the next one tells of all that is still held.

All functions raise `NotFinished` if the database is unavailable.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, Value
from django.db.models.functions import Coalesce

from emails.models import HeldDigest, HeldMail, MailboxBreaker, Profile
from emails.store.database import raises_not_finished
from emails.store.row_mapping import HELD_COLUMNS, OWNER_COLUMNS, held_mail, owner_facts
from emails.values.digests import OpenDigest, ToldMail
from emails.values.facts import OwnerFacts
from emails.values.held import HeldState
from emails.values.outcomes import HeldReason

if TYPE_CHECKING:
    from django.db.models import QuerySet

FIRST_AFTER = timedelta(hours=1)
"""How long after a mail was held its owner is told at the earliest."""

AT_MOST_EVERY = timedelta(hours=24)

_MASK_COLUMNS = (
    *("random_mask__local", "random_mask__domain", "domain_mask__local", "domain_mask__domain"),
    *("new_local", "new_domain"),
)


@raises_not_finished
def find_due(now: datetime, limit: int) -> list[int]:
    """Find owners who are to get a digest now: first those whose digest is open already."""
    is_open = HeldDigest.objects.filter(~Exists(_bouncing()), ended_at=None)
    owners = list(is_open.order_by("opened_at").values_list("owner_id", flat=True)[:limit])
    due = _due(now).exclude(owner__in=owners).order_by("owner_id")
    return owners + list(due.values_list("owner_id", flat=True).distinct()[: limit - len(owners)])


@raises_not_finished
def open_digest(owner_id: int, now: datetime) -> OpenDigest | None:
    """Open the owner's digest, and put into it what they were not told of yet. None: not due.

    One that is open already is returned as it is, so an attempt that died is continued.
    """
    with transaction.atomic():
        if not Profile.objects.select_for_update(no_key=True).filter(pk=owner_id).exists():
            return None
        digest = HeldDigest.objects.filter(owner=owner_id, ended_at=None).first()
        if digest is None:
            if not _due(now).filter(owner=owner_id).exists():
                return None
            digest = HeldDigest.objects.create(owner_id=owner_id, opened_at=now)
        told_first = Coalesce(F("digest"), Value(digest.pk))
        _untold().filter(owner=owner_id).update(digest=told_first, tell_again=False)
    return OpenDigest(digest.pk, owner_id, digest.opened_at)


@raises_not_finished
def find_told(
    digest_id: int, owner_id: int, mail_id: int | None = None, limit: int = 200
) -> tuple[ToldMail, ...]:
    """Find the held mails that the owner was told of by this digest or an earlier one.

    Newest first. `mail_id`: only this one.
    """
    rows = _told(digest_id, owner_id)
    if mail_id is not None:
        rows = rows.filter(pk=mail_id)
    columns = rows.order_by("-received_at", "-pk").values_list(*HELD_COLUMNS, *_MASK_COLUMNS)
    size = len(HELD_COLUMNS)
    return tuple(ToldMail(held_mail(row[:size]), _address(*row[size:])) for row in columns[:limit])


@raises_not_finished
def find_told_ids(digest_id: int, owner_id: int) -> list[int]:
    """Find the ids of all mails that `find_told` would find."""
    return list(_told(digest_id, owner_id).values_list("pk", flat=True))


@raises_not_finished
def find_state(digest_id: int, owner_id: int, mail_id: int) -> HeldState | None:
    """Find what state a mail is in that the owner was told of. None: it is gone, or not theirs."""
    rows = HeldMail.objects.filter(pk=mail_id, owner=owner_id, digest__lte=digest_id)
    state = rows.values_list("state", flat=True).first()
    return HeldState(state) if state else None


@raises_not_finished
def find_owner_of(digest_id: int) -> OwnerFacts | None:
    """Find the owner whom a digest is for. None: the owner or the digest is gone."""
    row = Profile.objects.filter(helddigest=digest_id).values_list(*OWNER_COLUMNS).first()
    return owner_facts(row) if row else None


@raises_not_finished
def find_whether_wanted(owner_id: int) -> bool:
    """Find whether the owner gets digests."""
    return Profile.objects.filter(pk=owner_id, gets_digests=True).exists()


@raises_not_finished
def record_whether_wanted(owner_id: int, *, is_wanted: bool) -> bool:
    """Turn the owner's digests on or off; return whether that was a change.

    On again, all that is still held is to be told of: the last digest may not have been sent.
    """
    with transaction.atomic():
        rows = Profile.objects.filter(pk=owner_id, gets_digests=not is_wanted)
        is_change = rows.update(gets_digests=is_wanted) > 0
        if is_change and is_wanted:
            _held().filter(owner=owner_id).update(tell_again=True)
    return is_change


@raises_not_finished
def end(digest_id: int, now: datetime) -> None:
    """Record that a digest was sent, or isn't needed."""
    HeldDigest.objects.filter(pk=digest_id, ended_at=None).update(ended_at=now)


def _held() -> "QuerySet[HeldMail]":
    return HeldMail.objects.filter(state=HeldState.HELD)


def _untold() -> "QuerySet[HeldMail]":
    untold = _held().filter(Q(digest=None) | Q(tell_again=True))
    return untold.exclude(reason=HeldReason.MAILBOX)


def _told(digest_id: int, owner_id: int) -> "QuerySet[HeldMail]":
    told = _held().filter(owner=owner_id, digest__lte=digest_id)
    return told.exclude(reason=HeldReason.MAILBOX)


def _bouncing() -> "QuerySet[MailboxBreaker]":
    """Return the breakers of owners whose mailbox refuses mail: the digest would bounce, too."""
    return MailboxBreaker.objects.filter(profile=OuterRef("owner"))


def _due(now: datetime) -> "QuerySet[HeldMail]":
    """Return the mails because of which their owner is to be told now."""
    recent = HeldDigest.objects.filter(
        Q(opened_at__gt=now - AT_MOST_EVERY), owner=OuterRef("owner")
    )
    return _untold().filter(
        ~Exists(_bouncing()),
        ~Exists(recent),
        held_at__lte=now - FIRST_AFTER,
        owner__user__is_active=True,
        owner__gets_digests=True,
    )


def _address(*columns: str | None) -> str:
    """Return the first whole address among pairs of a local part and a domain."""
    pairs = zip(columns[::2], columns[1::2], strict=True)
    return next((f"{local}@{domain}" for local, domain in pairs if local), "")
