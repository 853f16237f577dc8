"""Which message a thread works on: its ids, for each log line, Sentry event and dead letter.

Each thread has a context of its own. It is set at the message's door: where the bridge judges a
message, and where a worker begins an attempt.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

_ID = re.compile(r"[!-?A-~]{1,256}")
"""Printable, without blanks, and without `@`: an id that could be a mail address is no id."""

_TEXT = re.compile(f"({_ID.pattern}) ({_ID.pattern}) ({_ID.pattern}) ([0-9]{{1,15}})")

_NOTHING = "-"

_NAMES = ("sqs_message_id", "sns_message_id", "mail_id", "trace_id")


@dataclass(frozen=True, slots=True)
class MessageContext:
    """What is known of a message; empty is what isn't.

    `mail_id` is the key of a received mail in S3, or SES's id of the mail if it isn't there, or if
    this is feedback about a mail of ours. `received_at_ms` is when SES received the mail, in
    milliseconds since 1970; 0 if unknown.
    """

    sqs_message_id: str = ""
    sns_message_id: str = ""
    mail_id: str = ""
    trace_id: str = ""
    received_at_ms: int = 0

    def as_fields(self) -> dict[str, str]:
        """Return the ids that are known, by name."""
        return {name: value for name in _NAMES if (value := getattr(self, name))}

    def to_text(self) -> str:
        """Write everything but the SQS id in one line, for Redis."""
        ids = (self.sns_message_id, self.mail_id, self.trace_id)
        return " ".join([*(one or _NOTHING for one in ids), str(self.received_at_ms)])


def from_text(sqs_message_id: object, text: object) -> MessageContext:
    """Read what `to_text` wrote. What anybody else wrote is left out."""
    sqs = first_id(sqs_message_id)
    found = _TEXT.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return MessageContext(sqs)
    *ids, received_at_ms = found.groups()
    sns, mail, trace = ("" if one == _NOTHING else one for one in ids)
    return MessageContext(sqs, sns, mail, trace, int(received_at_ms))


def first_id(*candidates: object) -> str:
    """Return the first of these that can be shown anywhere as an id; empty if none can."""
    for one in candidates:
        if isinstance(one, str) and _ID.fullmatch(one):
            return one
    return ""


_UNKNOWN = MessageContext()
_current: ContextVar[MessageContext] = ContextVar("message", default=_UNKNOWN)


def current() -> MessageContext:
    """Return what this thread works on."""
    return _current.get()


def begin(message: MessageContext) -> None:
    """From now on this thread works on this message."""
    _current.set(message)


def end() -> None:
    """From now on this thread works on no message."""
    _current.set(_UNKNOWN)


@contextmanager
def about(message: MessageContext) -> Iterator[None]:
    """Work on a message for a while."""
    token = _current.set(message)
    try:
        yield
    finally:
        _current.reset(token)
