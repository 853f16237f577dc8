"""A dead letter as shown: as JSON or as lines, with or without its mail. Pure."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from relay.operations.dead_letters.letter import DeadLetter
from relay.operations.dead_letters.redaction import redacted


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


def details(letter: DeadLetter, *, reveal: bool) -> dict[str, Any]:
    """Return all of it; without `reveal`, no address, header, subject or body."""
    waited = letter.time_in_sqs
    fields = summary(letter) | {
        "actor": letter.actor,
        "sns_message_id": letter.sns_message_id,
        "sent_at": _time(letter.sent_at),
        "taken_at": _time(letter.taken_at),
        "time_in_sqs_s": round(waited.total_seconds(), 3) if waited is not None else None,
        "error_type": letter.error_type,
        "error_code": letter.error_code,
        "traceback": letter.traceback,
        "notification": redacted(letter.notification) if letter.notification else None,
    }
    if reveal:
        fields["notification"] = whole(letter)
        fields["last_retried_traceback"] = letter.full_traceback.splitlines()
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
            yield from _indented(json.dumps(value, indent=2, ensure_ascii=False).splitlines())
        elif isinstance(value, list):
            yield f"{name}:"
            yield from _indented(value)
        else:
            yield f"{name}: {'' if value is None else value}"


def _indented(lines: Iterable[Any]) -> Iterator[str]:
    return (f"  {line}" for line in lines)


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="milliseconds") if moment is not None else None
