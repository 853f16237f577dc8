"""Reads all headers of a mail, for use when SES truncated those in its notification."""

import re
from email.parser import BytesHeaderParser

from emails.values.facts import Header

MAX_HEADER_BYTES = 2 * 1024 * 1024
"""Headers are read up to this size. Mail servers don't accept as much."""

_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_LINE_BREAKS = re.compile(r"[\r\n]+")
_BLANK_BEFORE_COLON = re.compile(rb"(?<![^\r\n])([!-9;-~]++)[ \t]++:")
"""`From :` is a header (RFC 5322, 4.5), but the standard library ignores it."""


def read_headers(raw: bytes) -> tuple[Header, ...]:
    """Read all headers of a mail. Values are unfolded, but not decoded."""
    head = raw[:MAX_HEADER_BYTES]
    end = _BLANK_LINE.search(head)
    head = _BLANK_BEFORE_COLON.sub(rb"\1:", head[: end.end()] if end else head)
    parsed = BytesHeaderParser().parsebytes(head)
    return tuple(Header(name, _unfolded(value)) for name, value in parsed.items())


def _unfolded(value: object) -> str:
    return _LINE_BREAKS.sub("", str(value))
