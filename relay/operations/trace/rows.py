"""Reads deliveries and held mails from PostgreSQL. Errors of the database pass through."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q

from emails.models import Delivery, HeldMail
from emails.store.claims import find_by_reference, reference_of
from relay.operations.trace.evidence import DeliveryRow, HeldRow, Ids

MOST = 200
"""How many rows one trace shows at most."""


def find_deliveries(ids: Ids) -> list[DeliveryRow]:
    """Find the deliveries that one of these ids belongs to."""
    numbers = [row.pk for one in ids.deliveries if (row := find_by_reference(one))]
    # One query for each index: PostgreSQL would read the whole table for all at once.
    wheres = [
        Q(sns_message_id__in=ids.sns),
        Q(sqs_message_id__in=ids.sqs),
        Q(mail_id__in=ids.mails),
        Q(sent_as__in=ids.mails),
        Q(pk__in=numbers),
    ]
    found = {row.pk: row for where in wheres for row in Delivery.objects.filter(where)[:MOST]}
    return [_read(found[number]) for number in sorted(found)][:MOST]


def find_of_mask(mask: str, after: datetime, before: datetime) -> list[DeliveryRow]:
    """Find the deliveries of a mask's mail in a span of time; at most `MOST`."""
    rows = Delivery.objects.filter(created_at__gte=after, created_at__lte=before, mask=mask)
    return [_read(row) for row in rows.order_by("created_at")[:MOST]]


def find_number(number: int) -> DeliveryRow | None:
    """Find a delivery by the number that the admin shows."""
    row = Delivery.objects.filter(pk=number).first()
    return _read(row) if row else None


def find_held(sns_ids: Iterable[str]) -> list[HeldRow]:
    """Find the held mails that these messages brought."""
    rows = HeldMail.objects.filter(sns_message_id__in=list(sns_ids)).order_by("pk")
    return [
        HeldRow(
            number=row.pk,
            sns_message_id=row.sns_message_id,
            reason=row.reason,
            state=row.state,
            outcome=f"{row.outcome} {row.outcome_reason}".strip(),
            received_at=row.received_at,
            held_at=row.held_at,
            released_at=row.released_at,
            ended_at=row.ended_at,
            expires_at=row.expires_at,
        )
        for row in rows[:MOST]
    ]


def newest_prefix() -> str:
    """Return what stands before SES's id in the newest mail's key in S3."""
    newest = Delivery.objects.exclude(mail_id=None).filter(purpose="received").order_by("-pk")
    key = newest.values_list("mail_id", flat=True).first() or ""
    return key[: key.rfind("/") + 1]


def _read(row: Delivery) -> DeliveryRow:
    return DeliveryRow(
        reference=reference_of(row),
        sns_message_id=row.sns_message_id,
        state=row.state,
        outcome=row.outcome,
        reason=row.reason,
        created_at=row.created_at,
        finished_at=row.finished_at,
        purpose=row.purpose or "",
        mask=row.mask or "",
        sqs_message_id=row.sqs_message_id or "",
        mail_id=row.mail_id or "",
        sent_as=row.sent_as or "",
    )
