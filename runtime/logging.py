"""Logging, set up alike in every process. No log line ever holds a part of a mail.

Three guards keep mail out, whatever code logs: Dramatiq's messages are replaced by their ids; an
exception is shown by its type and frames, without its text; anything that still looks like a mail
address is blanked.
"""

import json
import logging
import re
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from dramatiq import Message
from dramatiq.broker import MessageProxy

from runtime import message_context
from runtime.repeats import Repeats

_OWN_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_MAX_CHARACTERS = 2_000
_ADDRESS = re.compile(r"[^\s@<>\"'(),:;]{1,256}(?:@|%40)[^\s@<>\"'(),:;]{1,256}")

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]

_OUR_PACKAGES = ("relay", "bridge", "emails", "runtime")

_SCHEDULER = "periodiq"

_REPEAT_SECONDS = 5.0
_REPEATED = frozenset(
    {
        "Restarting consumer in %0.2f seconds.",
        "breakers not reported",
        "counts not written",
        "heartbeat not written",
        "presence not noted",
        "remote error, waiting",
        "waiting for redis",
    }
)
"""What threads log for as long as a server is away."""

LEVELS = (logging.ERROR, logging.WARNING, logging.INFO, logging.DEBUG, logging.DEBUG)
"""Verbosity 0 to 4 → level. At 4, libraries log at debug level, too."""


def without_addresses(text: str) -> str:
    """Blank anything that looks like a mail address, and cut a text too long for a log line."""
    text = text[:_MAX_CHARACTERS]
    # Most texts are ids and words, and looking for the sign first costs next to nothing.
    return _ADDRESS.sub("<address>", text) if "@" in text or "%40" in text else text


def describe_exception(error: BaseException) -> list[str]:
    """Describe an exception and its causes, latest first: type, our own reason if any, frames.

    The exception's text may quote a mail, so it is left out. The `reason` of our own errors is a
    fixed word, and is kept.
    """
    lines: list[str] = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        reason = getattr(current, "reason", None)
        lines.append(type(current).__qualname__ + (f": {reason}" if _is_word(reason) else ""))
        lines += [
            f"  {frame.filename}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(current.__traceback__)[-30:]
        ]
        current = current.__cause__ or current.__context__
    return lines


def _is_word(reason: object) -> bool:
    return isinstance(reason, str) and re.fullmatch(r"[a-z0-9_]{1,60}", reason) is not None


def _without_mail(argument: object) -> object:
    if isinstance(argument, Message | MessageProxy):
        return f"{argument.actor_name}[{argument.message_id}]"
    return argument


def _shown(value: Any) -> Any:
    """Make a field's value safe to log. Objects are shown by type: a request would show its URL."""
    match value:
        case str():
            return without_addresses(value)
        case None | bool() | int() | float():
            return value
        case list() | tuple() | set() | frozenset():
            return [_shown(one) for one in value]
        case dict():
            return {without_addresses(str(name)): _shown(value[name]) for name in value}
        case _:
            return type(value).__name__


class _RedactingFormatter(logging.Formatter):
    def text(self, record: logging.LogRecord) -> str:
        arguments = record.args
        if isinstance(arguments, tuple):
            arguments = tuple(_without_mail(argument) for argument in arguments)
        try:
            formatted = str(record.msg) % arguments if arguments else str(record.msg)
        except (TypeError, ValueError, KeyError):
            formatted = str(record.msg)
        # The scheduler knows of no mail, and names jobs `module:actor@queue`.
        return formatted if record.name == _SCHEDULER else without_addresses(formatted)

    def fields(self, record: logging.LogRecord) -> dict[str, Any]:
        fields = {
            name: _shown(value) for name, value in vars(record).items() if name not in _OWN_FIELDS
        }
        if record.exc_info and record.exc_info[1] is not None:
            fields.setdefault("error_type", type(record.exc_info[1]).__qualname__)
            fields["traceback"] = describe_exception(record.exc_info[1])
        return fields


class WithMessageIds(logging.Filter):
    """Adds the ids of the message that the thread works on; drops nothing.

    A line that names another message itself is left alone.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the ids."""
        fields = message_context.current().as_fields()
        own = vars(record)
        if all(own.get(name, value) == value for name, value in fields.items()):
            own.update(fields)
        return True


class JsonFormatter(_RedactingFormatter):
    """One JSON object a line: timestamp (UTC), level, logger, message, and the extra fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Make the line."""
        line = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self.text(record),
            "process": record.process,
        }
        return json.dumps(line | self.fields(record))


class TextFormatter(_RedactingFormatter):
    """A line for people: the same content, easier on the eye."""

    def format(self, record: logging.LogRecord) -> str:
        """Make the line, and one line for each frame of a traceback."""
        fields = self.fields(record)
        frames = fields.pop("traceback", [])
        time = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S.%f")[:-3]
        shown = " ".join(f"{name}={value}" for name, value in fields.items())
        head = f"{time} {record.levelname:<8} {record.name}: {self.text(record)} {shown}".rstrip()
        return "\n    ".join([head, *frames])


class WithoutRepeats(logging.Filter):
    """Bounds what every thread says again and again while Redis is away.

    A line of each kind in five seconds, with how many were left out as `repeated`. Lines about a
    message all stay.
    """

    def __init__(self) -> None:
        super().__init__()
        self._repeats = Repeats(_REPEAT_SECONDS)

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the line is written."""
        is_dramatiqs = record.name.startswith("dramatiq.") and record.levelno >= logging.WARNING
        if not is_dramatiqs and record.msg not in _REPEATED:
            return True
        left_out = self._repeats.admit((record.name.partition("(")[0], str(record.msg)))
        if left_out:
            record.repeated = left_out
        return left_out is not None


class WithoutAdvice(logging.Filter):
    """Drops periodiq's advice to report an issue to it, which it gives if Redis is away."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the line is written."""
        is_advice = str(record.msg).startswith("Please file an issue")
        return not (is_advice and record.name == _SCHEDULER)


def logging_settings(log_format: str, verbosity: int) -> dict[str, Any]:
    """Make the argument of `logging.config.dictConfig`. `verbosity` is an index of LEVELS."""
    formatter = JsonFormatter if log_format == "json" else TextFormatter
    library_level = LEVELS[verbosity] if verbosity >= 4 else max(logging.INFO, LEVELS[verbosity])
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": formatter}},
        "filters": {
            "advice": {"()": WithoutAdvice},
            "ids": {"()": WithMessageIds},
            "repeats": {"()": WithoutRepeats},
        },
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "formatter": "line",
                "filters": ["advice", "repeats", "ids"],
            }
        },
        "root": {"handlers": ["stderr"], "level": library_level},
        "loggers": {name: {"level": LEVELS[verbosity]} for name in _OUR_PACKAGES}
        # Django's own handler would write each line a second time, in another format.
        | {"django": {"handlers": []}}
        # botocore names queues and buckets at INFO, and prints whole requests at DEBUG.
        | {name: {"level": "WARNING"} for name in ("botocore", "boto3", "urllib3", "markus")}
        # Would say at each batch that its collector is away; `span_export` says it once a while.
        | {"opentelemetry": {"level": "CRITICAL"}},
    }
