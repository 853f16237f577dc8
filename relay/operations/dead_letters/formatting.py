"""A dead letter as shown: as JSON or as lines, with or without its mail. Pure."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from bridge.ledger.story import Event
from relay.operations.dead_letters.letter import DeadLetter, printable
from relay.operations.dead_letters.redaction import redacted
from relay.operations.trace.evidence import read_event
from relay.operations.trace.formatting import words_for


def summary(letter: DeadLetter) -> dict[str, Any]:
    """Return what a list shows of it."""
    return {
        "id": letter.place.id,
        "queue": letter.place.queue,
        "reason": letter.reason,
        "attempts": letter.attempts,
        "requeues": letter.requeues,
        "died_at": _time(letter.died_at),
        "sqs_message_id": letter.sqs_message_id,
    }


def details(letter: DeadLetter, *, reveal: bool, attempts: Sequence[Event] = ()) -> dict[str, Any]:
    """Return all of it; without `reveal`, no address, header, subject or body.

    `attempts` is what its story in Redis tells of them, also of those whose worker was killed.
    """
    waited = letter.time_in_sqs
    fields = summary(letter) | {
        "actor": letter.actor,
        "sns_message_id": letter.sns_message_id,
        "mail_id": letter.about.mail_id,
        "trace_id": letter.about.trace_id,
        "sent_at": _time(letter.sent_at),
        "taken_at": _time(letter.taken_at),
        "time_in_sqs_s": round(waited.total_seconds(), 3) if waited is not None else None,
        "error_type": letter.error_type,
        "error_code": letter.error_code,
        "traceback": letter.traceback,
        "history": [_attempt(one) for one in attempts],
        "notification": redacted(letter.notification) if letter.notification else None,
    }
    if reveal:
        fields["notification"] = whole(letter)
    return fields


def whole(letter: DeadLetter) -> Any:
    """Return the whole notification: its JSON, or its text if it is not JSON."""
    try:
        return json.loads(letter.notification)
    except (ValueError, RecursionError):
        return letter.notification


def as_lines(fields: dict[str, Any]) -> Iterator[str]:
    """Format what `details` returns for people."""
    for name, value in fields.items():
        if isinstance(value, dict):
            yield f"{name}:"
            yield from _indented(_as_json(value).splitlines())
        elif isinstance(value, list):
            yield f"{name}:"
            yield from _indented(value)
        else:
            yield f"{name}: {'' if value is None else printable(value)}"


def _as_json(value: object) -> str:
    try:
        return json.dumps(value, indent=2, ensure_ascii=False)
    except RecursionError:
        return "(nested too deeply to be shown)"


def _indented(lines: Iterable[Any]) -> Iterator[str]:
    return (f"  {printable(line)}" for line in lines)


def _attempt(event: Event) -> str:
    step = next(read_event(event)).steps[0]
    return f"{step.at.isoformat(timespec='milliseconds')}  {words_for(step)}"


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="milliseconds") if moment is not None else None
