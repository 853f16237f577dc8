"""What operators do with controls: order one, end one, see all. The command and the page use it."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.db.utils import Error as DatabaseError

from emails.models import DomainMask, Profile, RandomMask
from emails.rules.freezes import REASONS
from emails.values.facts import MaskKind, MaskRef
from relay.operations.controls import audit
from relay.operations.fail_fast import fail_fast_redis
from relay.operations.models import ControlRecord
from runtime.controls.store import ControlStore
from runtime.controls.values import Action, Control, NotAllowed, order
from runtime.seals import Seals


@dataclass(frozen=True, slots=True)
class Done:
    """A control that was ordered or ended, and whether the database has it, too."""

    control: Control
    is_recorded: bool


def store() -> ControlStore:
    """Return the controls of this relay's Redis. Errors of Redis pass through."""
    config = settings.CONFIG
    return ControlStore(fail_fast_redis(config.redis_url), Seals(config.ledger_secrets))


def start(action: Action, target: str, *, by: str, why: str, seconds: float) -> Done:
    """Order a control. Raises `NotAllowed`."""
    made = order(action, target, by=by, why=why, now_ms=now_ms(), seconds=seconds)
    _require_known(action, target)
    store().add(made)
    return Done(made, audit.record_ordered(made))


def end(control_id: str, *, by: str) -> Done | None:
    """End a control; None: no such control is in force."""
    ended = store().end(control_id, by=by, now_ms=now_ms())
    return Done(ended, audit.record_ended(ended)) if ended else None


def find_active() -> list[Control]:
    """Find those in force, the oldest first."""
    return [one for one in store().find_all() if one.is_active(now_ms())]


def find_lost() -> list[ControlRecord]:
    """Find those that should be in force, by the database, but that Redis has lost; empty also if
    the database can't tell.
    """
    known = {one.id for one in store().find_all()}
    try:
        return audit.find_lost(known, datetime.now(UTC))
    except DatabaseError:
        return []


def now_ms() -> int:
    """Return the present time."""
    return int(time.time() * 1000)


def _require_known(action: Action, target: str) -> None:
    """Raise `NotAllowed` if there is nothing of this name. Without the database, believe it."""
    if action is Action.FREEZE_REASON and target not in REASONS:
        raise NotAllowed(f"freeze-reason takes {', '.join(sorted(REASONS))}, but got {target!r}")
    try:
        is_known = _is_known(action, target)
    except DatabaseError:
        return
    if not is_known:
        raise NotAllowed(f"there is no {action.partition('-')[2]} {target}")


def _is_known(action: Action, target: str) -> bool:
    if action is Action.FREEZE_OWNER:
        return Profile.objects.filter(pk=int(target)).exists()
    ref = MaskRef.parse(target) if action is Action.FREEZE_MASK else None
    if ref is None:
        return True
    table = RandomMask if ref.kind is MaskKind.RANDOM else DomainMask
    return table.objects.filter(pk=ref.id).exists()
