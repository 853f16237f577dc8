"""Mends headers in a reply that a damaged line tears in two: the rest of it would become text.

Mail programs and we take everything from such a line on for the body (RFC 5322, 2.1), so the
correspondent would read where the mail came from. Only here: in a mail that we forward, nothing of
that is the owner's.
"""

import re

from emails.mime.structure import split, walk

_BLANK_LINE = re.compile(rb"\r\n(?=\r\n)|(?<!\r)\n(?=\r?\n)|\r(?=\r)")
_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_FIELD = re.compile(rb"[!-9;-~]{1,127}[ \t]*:")
_KNOWN = re.compile(
    rb"^(?:content-type|date|from|in-reply-to|message-id|mime-version|received|references"
    rb"|return-path|subject|to|user-agent|x-[a-z-]+)[ \t]*:",
    re.IGNORECASE | re.MULTILINE,
)
_MIN_KNOWN = 2
"""Fields that must follow the damaged line: people write one such line themselves."""


def with_headers_mended(raw: bytes) -> bytes:
    """Return the mail without the lines that are none of a header's, where they tear one in two."""
    torn = [part for part in walk(split(raw)) if part.is_mail and not part.has_blank_line]
    for part in reversed(torn):
        blank = _BLANK_LINE.search(raw, part.body, part.end)
        end = blank.end() if blank else part.end
        block = raw[part.body : end]
        if len(_KNOWN.findall(block)) >= _MIN_KNOWN:
            raw = raw[: part.body] + _fields_in(block) + raw[end:]
    return raw


def _fields_in(block: bytes) -> bytes:
    kept, is_field = [], False
    for line in _LINE.findall(block):
        if line[:1] not in (b" ", b"\t"):
            is_field = _FIELD.match(line) is not None
        if is_field:
            kept.append(line)
    return b"".join(kept)
