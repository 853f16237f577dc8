"""Makes raw 8-bit text in headers UTF-8: it is in the charset of the mail's body, if not UTF-8.

No standard allows it, but mail programs have always written it, and read it.
"""

import re

from emails.mime.charset_names import codec_of
from emails.mime.charsets import exactly
from emails.mime.header_block import Field

_WORD = re.compile(rb"(=\?[!->@-~]{1,60}\?[bBqQ]\?[^?\r\n]*\?=)")
_SAY_NOTHING = frozenset({None, "ascii", "utf_8"})


def says_something(label: str) -> bool:
    """Return whether a text's charset may be that of raw text in the header."""
    return codec_of(label) not in _SAY_NOTHING


def with_utf8(field: Field, charset: str) -> Field:
    """Return the field with its raw text in UTF-8, where it can be read.

    Not what stands in encoded words: these name their charset.
    """
    if field.value.isascii():
        return field
    pieces = _WORD.split(field.value)
    pieces[::2] = [_as_utf8(piece, charset) for piece in pieces[::2]]
    return field._replace(value=b"".join(pieces))


def _as_utf8(raw: bytes, charset: str) -> bytes:
    if raw.isascii() or exactly(raw, "utf-8") is not None:
        return raw
    text = exactly(raw, charset)
    return raw if text is None else text.encode("utf-8", "replace")
