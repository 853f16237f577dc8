"""What came back of forwarded mail, by mask and sender's domain; and the mail held for that.

All raise `NotFinished` if the database is unavailable.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Q

from emails.models import HeldMail
from emails.store import counters
from emails.store.database import raises_not_finished, statement
from emails.store.held import release_rows
from emails.values.account import Sending
from emails.values.facts import MaskKind, MaskRef
from emails.values.held import HeldState
from emails.values.outcomes import HeldReason, RecordReason

_COUNT_FEEDBACK = statement("count_feedback")

_BOUNCES = (
    RecordReason.HARD_BOUNCE,
    RecordReason.BOUNCED_AS_SPAM,
    RecordReason.BOUNCE_NOT_ABOUT_MAILBOX,
    RecordReason.BOUNCE_OF_FORMER_ADDRESS,
)
_COMPLAINTS = (
    RecordReason.SPAM_BLOCKING_ON,
    RecordReason.MASK_DISABLED,
    RecordReason.MASK_ALREADY_DISABLED,
    RecordReason.COMPLAINT_WITHOUT_MASK,
)

_HASH_CHARACTERS = 12
_PAUSE = timedelta(minutes=10)


def sender_hash(secret: bytes, domain: str | None) -> str | None:
    """Name a sender's domain, so that nobody without the secret can tell it. None: unproven."""
    return counters.sender_key(secret, "all", domain)[:_HASH_CHARACTERS] if domain else None


@raises_not_finished
def count_by_sender(window: timedelta) -> dict[str, Sending]:
    """Count the mails of the last `window`, of each mask and domain of whose mail some came back.

    By their keys: `rules.reputation.mask_key`, `sender_key`.
    """
    values: dict[str, Any] = {
        "window": window,
        "bounces": [one.value for one in _BOUNCES],
        "complaints": [one.value for one in _COMPLAINTS],
    }
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_FEEDBACK, values)
        return {f"{kind} {name}": Sending(*rest) for kind, name, *rest in cursor.fetchall()}


@raises_not_finished
def release_after_brakes(held: Collection[str], now: datetime, limit: int) -> int:
    """Release the oldest mails of senders who are no longer `held`; return how many.

    A mail that was tried lately, and is held again, waits a little.
    """
    rows = HeldMail.objects.filter(state=HeldState.HELD, reason=HeldReason.REPUTATION.value)
    rows = rows.filter(owner__user__is_active=True).exclude(tried_at__gt=now - _PAUSE)
    over = rows.exclude(_is_of(held)).order_by("received_at", "pk").values_list("pk", flat=True)
    return release_rows(HeldMail.objects.filter(pk__in=list(over[:limit]), state=HeldState.HELD))


def _is_of(held: Collection[str]) -> Q:
    kinds = [key.partition(" ")[::2] for key in held]
    refs = [MaskRef.parse(name) for kind, name in kinds if kind == "mask"]
    by_kind = {kind: [ref.id for ref in refs if ref and ref.kind is kind] for kind in MaskKind}
    return (
        Q(frozen_by__in=[name for kind, name in kinds if kind == "sender"])
        | Q(random_mask_id__in=by_kind[MaskKind.RANDOM], random_mask_id__isnull=False)
        | Q(domain_mask_id__in=by_kind[MaskKind.DOMAIN], domain_mask_id__isnull=False)
    )
