"""Finds masks, owners and reply records in the database, and returns them as facts."""

import functools
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import Q, QuerySet
from waffle import get_waffle_flag_model

from emails.models import (
    AbuseCounter,
    DomainMask,
    Mask,
    Profile,
    RandomMask,
    Reply,
    SenderCounter,
    is_deleted,
)
from emails.rules import developer
from emails.rules.addresses import MaskRecipient
from emails.store.counters import day_of, owner_scope
from emails.store.database import raises_not_finished
from emails.store.reply_records import Unreadable, decrypt, derive
from emails.store.row_mapping import FOUND_COLUMNS, OWNER_COLUMNS, found_mask, owner_facts
from emails.values.facts import (
    CreatableMask,
    FoundMask,
    MaskKind,
    MaskLookup,
    MaskRef,
    MissingMask,
    OwnerFacts,
    ReplyFacts,
    Volume,
)

_MODELS: dict[MaskKind, type[RandomMask] | type[DomainMask]] = {
    MaskKind.RANDOM: RandomMask,
    MaskKind.DOMAIN: DomainMask,
}


@raises_not_finished
def find_mask(
    recipient: MaskRecipient, now: datetime, key_in: Callable[[str], str] | None = None
) -> MaskLookup:
    """Look up the mask for a recipient. Never creates one.

    `key_in` names the mail's sender in a scope (`counters.sender_key`): then what it sent today is
    looked up, too.
    """
    kind = MaskKind.RANDOM if recipient.name is None else MaskKind.DOMAIN
    where = {"local": recipient.address.local, "domain": recipient.address.domain}
    day = day_of(now)
    found = _find_by_address(kind, where, day, key_in(str(recipient.address)) if key_in else "")
    if found is not None:
        return found
    was_deleted = is_deleted(str(recipient.address))
    if recipient.name is None:
        return MissingMask(was_deleted)
    owner = _find_owner_where(Q(subdomain=recipient.name))
    if owner is None:
        return MissingMask(was_deleted)
    today = AbuseCounter.objects.filter(profile=owner.id, day=day)
    key = key_in(owner_scope(owner.id)) if key_in else ""
    by_sender = SenderCounter.objects.filter(key=key, day=day)
    return CreatableMask(
        **where,
        owner=owner,
        was_deleted=was_deleted,
        made_today=today.values_list("masks", flat=True).first() or 0,
        made_by_sender=by_sender.values_list("masks", flat=True).first() or 0,
    )


@raises_not_finished
def find_owner(address: str) -> OwnerFacts | None:
    """Look up the owner of a real address, ignoring case."""
    return _find_owner_where(Q(user__email__iexact=address))


@raises_not_finished
def find_owner_by_id(owner_id: int) -> OwnerFacts | None:
    """Look up an owner by the id of the profile."""
    return _find_owner_where(Q(pk=owner_id))


@raises_not_finished
def find_is_developer(owner: OwnerFacts) -> bool:
    """Return whether the owner has the developer mode flag."""
    flag = get_waffle_flag_model().get(developer.FLAG)
    if flag.pk is None:  # the flag does not exist
        return False
    user = get_user_model().objects.get(profile=owner.id)
    return bool(flag.is_active_for_user(user))


@raises_not_finished
def find_reply(quoted_ids: tuple[str, ...], secrets: Sequence[bytes]) -> ReplyFacts | None:
    """Look up a reply's thread by the first quoted id that has a readable record."""
    keys = [derive(message_id, secret) for message_id in quoted_ids for secret in secrets]
    rows = Reply.objects.filter(lookup__in=[key.lookup for key in keys])
    records = {row.lookup: row for row in rows}
    for key in keys:
        if (row := records.get(key.lookup)) is None:
            continue
        try:
            thread = decrypt(bytes(row.metadata), key)
        except Unreadable:
            continue
        if (found := find_mask_by_ref(_mask_of(row))) is None:
            continue  # the mask is being deleted, along with its reply records
        return ReplyFacts(
            mask=found.mask,
            owner=found.owner,
            correspondent=thread.correspondent,
            message_id=thread.message_id,
            references=thread.references,
        )
    return None


@functools.cache
def _by_address(kind: MaskKind) -> tuple[str, tuple[str, ...]]:
    """Return the query for a mask by its address, and the names of its parameters in order.

    Built once per process: building it each time and loading models took seven times the CPU.
    """
    query = _MODELS[kind].objects.filter(local="local", domain="domain")
    found, names = query.values_list(*FOUND_COLUMNS).query.sql_with_params()
    return _WITH_SENDER.format(found=found), (*names, "sender", "day")


_WITH_SENDER = (
    "SELECT found.*, sender.mails, sender.bytes FROM ({found}) AS found "
    "LEFT JOIN emails_sendercounter AS sender ON sender.key = %s AND sender.day = %s"
)


def _find_by_address(
    kind: MaskKind, where: Mapping[str, str], day: date, sender: str
) -> FoundMask | None:
    """Look up a mask by its `local` and `domain`, and what was forwarded for it that day."""
    sql, names = _by_address(kind)
    values: dict[str, Any] = {**where, "day": day, "sender": sender}
    with connection.cursor() as cursor:
        cursor.execute(sql, [values[name] for name in names])
        row = cursor.fetchone()
    if row is None:
        return None
    *columns, mails, size = row
    return found_mask(kind, columns, day, Volume(mails or 0, size or 0))


@raises_not_finished
def find_with_usage(ref: MaskRef, now: datetime, key_in: Callable[[str], str]) -> FoundMask | None:
    """Look up the mask that `ref` identifies, with today's counts as in `find_mask`."""
    row, day = row_of(ref).values_list(*FOUND_COLUMNS).first(), day_of(now)
    if row is None:
        return None
    key = key_in(found_mask(ref.kind, row).mask.address)
    counted = SenderCounter.objects.filter(key=key, day=day).values_list("mails", "bytes").first()
    return found_mask(ref.kind, row, day, Volume(*counted) if counted else Volume())


@raises_not_finished
def find_mask_by_ref(ref: MaskRef) -> FoundMask | None:
    """Look up the mask that `ref` identifies."""
    row = row_of(ref).values_list(*FOUND_COLUMNS).first()
    return found_mask(ref.kind, row) if row else None


def _find_owner_where(where: Q) -> OwnerFacts | None:
    """Find the owner whose profile matches `where`."""
    row = Profile.objects.filter(where).values_list(*OWNER_COLUMNS).first()
    return owner_facts(row) if row else None


def _mask_of(reply: Reply) -> MaskRef:
    """Return the mask that a reply record belongs to."""
    if reply.random_mask_id is not None:
        return MaskRef(MaskKind.RANDOM, reply.random_mask_id)
    assert reply.domain_mask_id is not None  # noqa: S101 — a constraint of the table
    return MaskRef(MaskKind.DOMAIN, reply.domain_mask_id)


def row_of(mask: MaskRef) -> "QuerySet[Mask]":
    """Return a query for the mask's row."""
    return _MODELS[mask.kind].objects.filter(pk=mask.id)
