"""Cuts out of a reply what stands between a header and its empty line, but is none of its fields.

`header_block.py` reads on behind such lines only if fields follow. At a header's end they may be
text whose empty line is missing, or words of the owner's server that no correspondent should read.
In a reply they are left out, as most mail programs do.
"""

import re

from emails.mime.structure import split, walk

_BLANK_LINE = re.compile(rb"\r\n(?=\r\n)|(?<!\r)\n(?=\r?\n)|\r(?=\r)")
_MIN_FIELDS = 3
"""Fields before the lines: fewer are no header of a mail, but text that looks like one."""


def with_headers_mended(raw: bytes) -> bytes:
    """Return the mail without the lines at the end of a header that are none of its."""
    torn = [part for part in walk(split(raw)) if part.is_mail and not part.has_blank_line]
    for part in reversed(torn):
        blank = _BLANK_LINE.search(raw, part.body, part.end)
        if blank and len(part.fields) >= _MIN_FIELDS and raw[blank.end() : part.end].strip():
            raw = raw[: part.body] + raw[blank.end() :]
    return raw
