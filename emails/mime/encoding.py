"""Transfer encodings (RFC 2045, section 6): read leniently, and written 7-bit clean.

Clean is what SES and every mail server pass on unchanged: ASCII without NULs, lines that end in
CRLF and have at most 998 octets (RFC 5322, 2.1.1). Whoever looks at large data looks at it in
blocks, so that an attachment is not in memory three times.
"""

import re
from binascii import Error, a2b_base64, b2a_base64, b2a_qp
from collections.abc import Iterator
from quopri import decodestring

MAX_LINE = 998
"""Octets in a line, without its end."""

BASE64 = "base64"
QUOTED_PRINTABLE = "quoted-printable"
SEVEN_BIT = "7bit"

IDENTITY = frozenset({"", "7bit", "8bit", "binary"})
READABLE = IDENTITY | {BASE64, QUOTED_PRINTABLE}
UNREADABLE = frozenset({"uue", "uuencode", "x-uue", "x-uuencode"})
"""Encodings that some programs know, and that are carried as they are."""

_BLOCK = 1 << 16
_GROUP = 57  # octets in a line of 76
_GROUPS = 1 << 12
_NOT_BASE64 = bytes(
    set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
)
_ANY_END = re.compile(rb"\r\n|\r|\n")
_NOT_PLAIN = re.compile(rb"[\x80-\xff]")


def is_clean(raw: bytes, start: int, end: int) -> bool:
    """Tell whether `raw[start:end]` can be sent as it is."""
    return is_sendable(raw, start, end) and has_true_ends(raw, start, end)


def has_true_ends(raw: bytes, start: int, end: int) -> bool:
    """Tell whether all lines end in CRLF, and no CR or LF stands alone."""
    ends = raw.count(b"\r\n", start, end)
    return ends == raw.count(b"\n", start, end) == raw.count(b"\r", start, end)


def is_sendable(raw: bytes, start: int, end: int) -> bool:
    """Tell whether the octets are ASCII, without NUL, in lines that are short enough."""
    return (
        raw.find(b"\0", start, end) < 0
        and _is_ascii(raw, start, end)
        and _has_short_lines(raw, start, end)
    )


def _is_ascii(raw: bytes, start: int, end: int) -> bool:
    return all(raw[at : min(at + _BLOCK, end)].isascii() for at in range(start, end, _BLOCK))


def _has_short_lines(raw: bytes, start: int, end: int) -> bool:
    """Jump from line end to line end, as far as a line may be long."""
    at = start
    while end - at > MAX_LINE:
        window = at + MAX_LINE + 1
        last = max(raw.rfind(b"\n", at, window), raw.rfind(b"\r", at, window))
        if last < 0:
            return False
        at = last + 1
    return True


def decoded(data: bytes, encoding: str) -> tuple[bytes, bool]:
    """Decode a body. The flag is false if it is not in the encoding, or that isn't one."""
    if encoding == BASE64:
        return _from_base64(data)
    if encoding == QUOTED_PRINTABLE:
        return decodestring(data), True
    return data, encoding in IDENTITY


def _from_base64(data: bytes) -> tuple[bytes, bool]:
    """Decode as mail programs do: what can't be base64 is passed over, a torn end is left out."""
    try:
        return a2b_base64(data), True
    except Error:
        kept = data.translate(None, _NOT_BASE64 + b"=")
        whole = kept[: len(kept) - 1] if len(kept) % 4 == 1 else kept
        return a2b_base64(whole + b"=="), False


def as_base64(data: bytes | memoryview) -> Iterator[bytes]:
    """Encode in blocks of whole lines; the last line has no end."""
    size = _GROUP * _GROUPS
    view = memoryview(data)
    for at in range(0, len(view), size):
        block = view[at : at + size]
        lines = [
            b2a_base64(block[one : one + _GROUP], newline=False)
            for one in range(0, len(block), _GROUP)
        ]
        yield (b"\r\n" if at else b"") + b"\r\n".join(lines)


def rewrapped(data: memoryview) -> Iterator[bytes]:
    """Give base64 lines of a good length, without what can't be base64; in blocks."""
    rest = b""
    for at in range(0, len(data), _BLOCK):
        rest += bytes(data[at : at + _BLOCK]).translate(None, _NOT_BASE64)
        whole = len(rest) - len(rest) % 76
        yield b"".join(rest[one : one + 76] + b"\r\n" for one in range(0, whole, 76))
        rest = rest[whole:]
    yield rest


def as_text(data: bytes) -> tuple[str, list[bytes]]:
    """Encode a text whose line ends are CRLF: readable if it is mostly ASCII.

    In some charsets, such as EBCDIC, these are other octets: then it is no text to an encoding.
    """
    if is_clean(data, 0, len(data)):
        return SEVEN_BIT, [data]
    is_readable = b"\0" not in data and has_true_ends(data, 0, len(data))
    if is_readable and len(_NOT_PLAIN.findall(data[:_BLOCK])) * 5 <= len(data[:_BLOCK]):
        lines = b2a_qp(data.replace(b"\r\n", b"\n"), istext=True)
        return QUOTED_PRINTABLE, [lines.replace(b"\n", b"\r\n")]
    return BASE64, list(as_base64(data))


def tidied(data: bytes) -> bytes:
    """Make structure clean that nobody decodes: 8-bit becomes `?`, long lines are cut in pieces."""
    lines = []
    for line in _ANY_END.split(data.replace(b"\0", b"").translate(_QUESTION_MARKS)):
        lines += [line[at : at + MAX_LINE] for at in range(0, len(line), MAX_LINE)] or [b""]
    return b"\r\n".join(lines)


_QUESTION_MARKS = bytes(range(0x80)) + b"?" * 0x80
