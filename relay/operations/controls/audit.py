"""The controls' audit trail: a row for each in the database, and a log line for each change.

A control works without the database. Then only the log has it.
"""

import logging
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.utils import Error as DatabaseError

from relay.operations.models import ControlRecord
from runtime.controls.values import Control
from runtime.failures import fields_of

logger = logging.getLogger(__name__)

KEPT = timedelta(days=365)


def record_ordered(control: Control) -> bool:
    """Record a new control; returns whether the database has it."""
    _log("control ordered", control, control.by)
    row = ControlRecord(
        control_id=control.id,
        action=control.action.value,
        target=control.target,
        by=control.by,
        why=control.why,
        since=_moment(control.since_ms),
        until=_moment(control.until_ms),
    )
    try:
        with transaction.atomic():
            ControlRecord.objects.filter(until__lt=row.since - KEPT).delete()
            row.save()
    except DatabaseError as error:
        return _not_recorded(error)
    return True


def record_ended(control: Control) -> bool:
    """Record that a control was ended; returns whether the database has it."""
    _log("control ended by", control, control.ended_by)
    ended = _moment(control.ended_ms or 0)
    try:
        rows = ControlRecord.objects.filter(control_id=control.id)
        rows.update(ended_at=ended, ended_by=control.ended_by)
    except DatabaseError as error:
        return _not_recorded(error)
    return True


def find_lost(known: set[str], now: datetime) -> list[ControlRecord]:
    """Find those that should be in force, but that Redis does not know."""
    due = ControlRecord.objects.filter(ended_at=None, until__gt=now).order_by("since", "pk")
    return list(due.exclude(control_id__in=known))


def _log(message: str, control: Control, by: str) -> None:
    fields = {
        "control_id": control.id,
        "action": control.action.value,
        "target": control.target,
        "by": by,
        "until_s": control.until_ms // 1000,
    }
    logger.warning(message, extra=fields)


def _not_recorded(error: DatabaseError) -> bool:
    logger.warning("control not recorded", extra=fields_of(error))
    return False


def _moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
