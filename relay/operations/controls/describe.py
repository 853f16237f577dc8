"""Controls in words."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from relay.operations.models import ControlRecord
from runtime.controls.store import ControlStore
from runtime.controls.values import Action, Control
from runtime.seals import Seals

if TYPE_CHECKING:
    from redis import Redis

_EFFECTS = {
    Action.PAUSE_RECEIVING: "Mails wait in SQS.",
    Action.PAUSE_SENDING: "Mails wait in SQS and Redis.",
}
_FORMAT = "%Y-%m-%d %H:%M UTC"
_HELD = "Its mail is held, and released when this ends."


def sentence(control: Control) -> str:
    """Say what a control does, until when, who ordered it, why, and how to end it."""
    effect = _EFFECTS.get(control.action, _HELD)
    what = control.what.capitalize()
    return (
        f"{what} until {moment(control.until_ms)} by {control.by}: {control.why}. {effect} "
        f"End it: manage.py control end {control.id}"
    )


def lost_sentence(number: int, lost_ms: int) -> str:
    """Say that Redis lost controls."""
    return (
        f"Redis lost {number} control{'s' * (number != 1)} at {moment(lost_ms)}, and they are no "
        "longer in force. See which: manage.py control list"
    )


def lost_record(row: ControlRecord) -> str:
    """Say which control Redis lost, as the database has it."""
    what = f"{row.action} {row.target}".rstrip()
    return f"Lost, and not in force: {what} until {row.until:{_FORMAT}} by {row.by}: {row.why}"


def sentences(active: list[Control], lost: tuple[int, int] | None) -> list[str]:
    """Say everything that operators must know of controls; empty if nothing is unusual."""
    said = [lost_sentence(*lost)] if lost else []
    return said + [sentence(one) for one in active]


def find_sentences(client: "Redis", ledger_secrets: tuple[str, ...], now_ms: int) -> list[str]:
    """Find what `sentences` says now. Errors of Redis pass through."""
    store = ControlStore(client, Seals(ledger_secrets))
    active = [one for one in store.find_all() if one.is_active(now_ms)]
    return sentences(active, store.find_lost())


def moment(ms: int) -> str:
    """Write a moment."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime(_FORMAT)
