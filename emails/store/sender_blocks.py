"""The senders that owners block: recorded, found, undone.

Whom an owner hears from is not readable in the table. Two keys are derived from our secret
(HKDF-SHA256, RFC 5869): one for the hashes that a mail's sender is looked up by, one for the text
that is shown to its owner (AES-256-GCM). The hashes are salted with the owner, so they say of no
two owners that they block the same sender. Of several secrets the first is for what is recorded
now, the others for what was recorded before.

    sender   HMAC(owner, kind, text)     the same in `HeldMail`, so mails of one sender are found
    lookup   SHA-256(mask or all, sender)

All functions raise `NotFinished` if the database is unavailable.
"""

import hashlib
import hmac
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import transaction
from django.db.models import QuerySet

from emails.models import BlockedSender as Row
from emails.models import HeldMail, Profile
from emails.rules.sender_blocks import Sender
from emails.store import held
from emails.store.database import raises_not_finished
from emails.values.facts import MaskKind, MaskRef, OwnerFacts
from emails.values.held import HeldMail as HeldMailFacts
from emails.values.held import HeldState
from emails.values.notifications import StoredMail
from runtime.derived_keys import derived_key

_KEY_BYTES = 32
_NONCE_BYTES = 12
_ALL_MASKS = "all"

Secrets: TypeAlias = Sequence[bytes]
"""The reply secrets, the newest first."""


@dataclass(frozen=True, slots=True)
class BlockedSender:
    """A blocked sender. `mask` is None for all masks; `text` is None while it is not known yet."""

    id: int
    mask: MaskRef | None
    text: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class UnnamedBlock:
    """A blocked sender whose text is not known yet, and the held mail that has it."""

    id: int
    mail: StoredMail
    created_at: datetime


def hash_sender(sender: Sender, owner_id: int, secret: bytes) -> str:
    """Return the keyed hash of an owner's sender."""
    message = f"{owner_id}\n{sender.kind}\n{sender.text}".encode()
    return hmac.new(_keys(secret)[0], message, hashlib.sha256).hexdigest()


@raises_not_finished
def find_is_blocked(
    owner: OwnerFacts, mask: MaskRef | None, senders: Iterable[Sender], secrets: Secrets
) -> bool:
    """Return whether the owner blocks one of the senders, for this mask or for all."""
    if not owner.blocks_senders:
        return False
    scopes = [None] if mask is None else [None, mask]
    hashes = [one for sender in senders for one in _hashes(sender, owner.id, secrets)]
    lookups = [_lookup(hashed, scope) for hashed in hashes for scope in scopes]
    return Row.objects.filter(lookup__in=lookups).exists()


@raises_not_finished
def find_is_blocked_for(
    owner_id: int, sender: Sender, mask: MaskRef | None, secrets: Secrets
) -> bool:
    """Return whether an owner blocks exactly this sender, for just this mask (None: all)."""
    return _rows_of(_hashes(sender, owner_id, secrets), mask).exists()


@raises_not_finished
def record_block(
    owner_id: int, sender: Sender, mask: MaskRef | None, secrets: Secrets, now: datetime
) -> int:
    """Block a sender, and discard the owner's held mails from that address; return how many."""
    hashes = _hashes(sender, owner_id, secrets)
    return _record(owner_id, hashes, mask, now, named=(sender, secrets[0]))


@raises_not_finished
def record_block_by_mail(held_mail: HeldMailFacts, mask: MaskRef | None, now: datetime) -> int:
    """Block a held mail's sender, and discard the held mails from there; return how many.

    Needs no look into the mail: its text is added later, see `find_unnamed`. Does nothing if the
    mail has no one sender, or its owner is gone.
    """
    if held_mail.sender is None or held_mail.owner_id is None:
        return 0
    return _record(held_mail.owner_id, [held_mail.sender], mask, now, held_mail_id=held_mail.id)


@raises_not_finished
def find_blocked(owner_id: int, secrets: Secrets) -> tuple[BlockedSender, ...]:
    """Find all senders that an owner blocks, the newest first."""
    rows = Row.objects.filter(owner=owner_id).order_by("-created_at", "-pk")
    return tuple(
        BlockedSender(row.pk, _mask_of(row), _open(row.sealed, row.lookup, secrets), row.created_at)
        for row in rows
    )


@raises_not_finished
def remove_block(owner_id: int, block_id: int) -> bool:
    """Unblock a sender; return whether there was such a block."""
    with transaction.atomic():
        profile = Profile.objects.select_for_update(no_key=True).get(pk=owner_id)
        deleted, _ = Row.objects.filter(owner=owner_id, pk=block_id).delete()
        profile.blocks_senders = Row.objects.filter(owner=owner_id).exists()
        profile.save(update_fields=["blocks_senders"])
    return deleted > 0


@raises_not_finished
def remove_block_of(owner_id: int, sender: Sender, mask: MaskRef | None, secrets: Secrets) -> bool:
    """Unblock a sender by its text; return whether it was blocked for this mask (None: all)."""
    rows = _rows_of(_hashes(sender, owner_id, secrets), mask)
    removed = [remove_block(owner_id, found) for found in rows.values_list("pk", flat=True)]
    return any(removed)


@raises_not_finished
def find_unnamed(limit: int) -> list[UnnamedBlock]:
    """Find blocks whose sender's text is not known yet, the newest first."""
    rows = Row.objects.filter(sealed=None, held_mail__isnull=False).order_by("-pk")
    columns = rows.values_list("pk", "held_mail__bucket", "held_mail__key", "created_at")[:limit]
    return [UnnamedBlock(key, StoredMail(bucket, name), at) for key, bucket, name, at in columns]


@raises_not_finished
def record_name(block_id: int, sender: Sender | None, secret: bytes) -> None:
    """Record the text of a blocked sender; None: it can't be had any more."""
    rows = Row.objects.filter(pk=block_id, sealed=None)
    lookup = rows.values_list("lookup", flat=True).first()
    if lookup is not None:
        sealed = _seal(sender, lookup, secret) if sender else None
        rows.update(sealed=sealed, held_mail=None)


def _record(
    owner_id: int,
    senders: list[str],
    mask: MaskRef | None,
    now: datetime,
    named: tuple[Sender, bytes] | None = None,
    held_mail_id: int | None = None,
) -> int:
    """Record a block. `senders`: hashes, the newest first; `named`: the text, and what seals it."""
    with transaction.atomic():
        # Locked, so that an unblock that runs at the same time does not undo this.
        Profile.objects.select_for_update(no_key=True).get(pk=owner_id)
        Profile.objects.filter(pk=owner_id).update(blocks_senders=True)
        row = _rows_of(senders, mask).first() or Row(
            lookup=_lookup(senders[0], mask),
            owner_id=owner_id,
            sender=senders[0],
            held_mail_id=held_mail_id,
            created_at=now,
            **_columns_of(mask),
        )
        if named and row.sealed is None:
            row.sealed, row.held_mail_id = _seal(named[0], row.lookup, named[1]), None
        row.save()
        mails = HeldMail.objects.filter(owner=owner_id, sender__in=senders, state=HeldState.HELD)
        if mask is not None:
            mails = mails.filter(**_columns_of(mask))
        return held.discard(list(mails.values_list("pk", flat=True)), now)


def _keys(secret: bytes) -> tuple[bytes, bytes]:
    """Return the key of the hashes, and that of the texts."""
    derived = derived_key(secret, b"blocked sender 1", 2 * _KEY_BYTES)
    return derived[:_KEY_BYTES], derived[_KEY_BYTES:]


def _hashes(sender: Sender, owner_id: int, secrets: Secrets) -> list[str]:
    return [hash_sender(sender, owner_id, secret) for secret in secrets]


def _rows_of(senders: Iterable[str], mask: MaskRef | None) -> QuerySet[Row]:
    return Row.objects.filter(lookup__in=[_lookup(sender, mask) for sender in senders])


def _lookup(sender: str, mask: MaskRef | None) -> str:
    return hashlib.sha256(f"{mask or _ALL_MASKS}\n{sender}".encode()).hexdigest()


def _seal(sender: Sender, lookup: str, secret: bytes) -> bytes:
    """Encrypt a sender's text. Authenticates the lookup hash too, so rows can't be swapped."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(_keys(secret)[1]).encrypt(nonce, sender.text.encode(), lookup.encode())


def _open(sealed: bytes | memoryview | None, lookup: str, secrets: Secrets) -> str | None:
    """Decrypt a sender's text. None: it isn't known, or was sealed with another secret."""
    octets = bytes(sealed or b"")
    nonce, text = octets[:_NONCE_BYTES], octets[_NONCE_BYTES:]
    for secret in secrets if octets else ():
        try:
            return AESGCM(_keys(secret)[1]).decrypt(nonce, text, lookup.encode()).decode()
        except (InvalidTag, ValueError):
            continue
    return None


def _mask_of(row: Row) -> MaskRef | None:
    if row.random_mask_id is not None:
        return MaskRef(MaskKind.RANDOM, row.random_mask_id)
    if row.domain_mask_id is not None:
        return MaskRef(MaskKind.DOMAIN, row.domain_mask_id)
    return None


def _columns_of(mask: MaskRef | None) -> dict[str, int]:
    if mask is None:
        return {}
    return {"random_mask_id" if mask.kind is MaskKind.RANDOM else "domain_mask_id": mask.id}
