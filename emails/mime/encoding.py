"""Transfer encodings (RFC 2045, section 6): decoded leniently, and written 7-bit clean.

Clean means that SES and every mail server pass it on unchanged: ASCII without NULs, lines of at
most 998 octets that end in CRLF (RFC 5322, 2.1.1). Large data is handled in blocks, to avoid
several copies of an attachment in memory.
"""

import re
from binascii import Error, a2b_base64, a2b_uu, b2a_base64, b2a_qp
from collections.abc import Iterator
from itertools import takewhile
from quopri import decodestring

MAX_LINE = 998
"""Octets in a line, without its end."""

BASE64 = "base64"
QUOTED_PRINTABLE = "quoted-printable"
SEVEN_BIT = "7bit"

IDENTITY = frozenset({"", "7bit", "8bit", "binary"})
READABLE = IDENTITY | {BASE64, QUOTED_PRINTABLE}
UNREADABLE = frozenset({"uue", "uuencode", "x-uue", "x-uuencode"})
"""Encodings of no standard, which some mail programs read. In mails we forward, such parts stay."""

_BLOCK = 1 << 16
_LINE_OCTETS = 57  # encoded: a line of 76 characters
_BLOCK_LINES = 1 << 12
_NOT_BASE64 = bytes(
    set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
)
_PADDING = re.compile(rb"=+")
_GLUED = re.compile(rb"[^=]*+=[^A-Za-z0-9+/]*+[A-Za-z0-9+/]")
_TEXT = re.compile(rb"[A-Za-z0-9+/][^A-Za-z0-9+/\r\n]++[A-Za-z0-9+/]")
"""Words, an address or a URL, but not base64 whose lines have something at their ends."""
_LINE_END = re.compile(rb"\r\n|\r|\n")
_ODD_EQUALS = re.compile(rb"=[= \t]")
_BLANKS_AT_BREAK = re.compile(rb"=[ \t]++(?=[\r\n])")
_BARE_EQUALS = re.compile(rb"=(?![0-9A-Fa-f]{2}|[ \t]*(?:[\r\n]|\Z))")
_ASCII = bytes(range(0x80))


def is_clean(raw: bytes, start: int, end: int) -> bool:
    """Return whether `raw[start:end]` can be sent unchanged."""
    return is_sendable(raw, start, end) and has_crlf_only(raw, start, end)


def has_crlf_only(raw: bytes, start: int, end: int) -> bool:
    """Return whether all line ends are CRLF: no bare CR or LF."""
    ends = raw.count(b"\r\n", start, end)
    return ends == raw.count(b"\n", start, end) == raw.count(b"\r", start, end)


def is_sendable(raw: bytes, start: int, end: int) -> bool:
    """Return whether the octets are clean but for their line ends, which may be any."""
    return _is_ascii(raw, start, end) and has_sendable_lines(raw, start, end)


def has_sendable_lines(raw: bytes, start: int, end: int) -> bool:
    """Return whether the octets have no NULs and no long lines, whatever else is in them."""
    return raw.find(b"\0", start, end) < 0 and _has_short_lines(raw, start, end)


def _is_ascii(raw: bytes, start: int, end: int) -> bool:
    return all(raw[at : min(at + _BLOCK, end)].isascii() for at in range(start, end, _BLOCK))


def _has_short_lines(raw: bytes, start: int, end: int) -> bool:
    """Check for a line end in each window of the maximum length; skip to the last one in it."""
    at = start
    while end - at > MAX_LINE:
        window = at + MAX_LINE + 1
        last = max(raw.rfind(b"\n", at, window), raw.rfind(b"\r", at, window))
        if last < 0:
            return False
        at = last + 1
    return True


def decoded(data: bytes, encoding: str) -> tuple[bytes, bool]:
    """Decode a body. The flag is false if the data is invalid or the encoding unknown."""
    if encoding == BASE64:
        return _from_base64(data)
    if encoding == QUOTED_PRINTABLE:
        return decodestring(_with_bare_equals_escaped(data)), True
    if encoding in UNREADABLE:
        return _from_uu(data), False
    return data, encoding in IDENTITY


def _with_bare_equals_escaped(data: bytes) -> bytes:
    """Escape equals signs in quoted-printable that escape nothing, as mail programs read it.

    Bad encoders write `==`, of which Python drops one. Nor does it know soft line breaks with
    blanks before the line's end (RFC 2045, 6.7).
    """
    if not _ODD_EQUALS.search(data):  # one search, since nearly no text has one
        return data
    data = _BLANKS_AT_BREAK.sub(b"=", data)
    return _BARE_EQUALS.sub(b"=3D", data) if b"==" in data else data


def _from_base64(data: bytes) -> tuple[bytes, bool]:
    """Decode as mail programs do: skip invalid characters, drop a truncated end.

    Servers that add a footer append its base64 to the text's. Python would stop at the padding
    between the two, mail programs don't. Other servers append it as it is: that is no base64, and
    would be shown as garbage.
    """
    if _GLUED.match(data):
        first, *others = _PADDING.split(data)
        more = takewhile(lambda piece: not _TEXT.search(piece), others)
        return b"".join(_from_base64(piece)[0] for piece in (first, *more)), False
    try:
        return a2b_base64(data), True
    except Error:
        kept = data.translate(None, _NOT_BASE64 + b"=")
        whole = kept[: len(kept) - 1] if len(kept) % 4 == 1 else kept
        return a2b_base64(whole + b"=="), False


def _from_uu(data: bytes) -> bytes:
    """Decode the lines that are uuencoded, and copy those that are not."""
    decoded: list[bytes] = []
    is_inside = False
    for line in data.splitlines(keepends=True):
        if not is_inside:
            is_inside = line.startswith(b"begin ")
            if not is_inside:
                decoded.append(line)
        elif line.rstrip() == b"end":
            is_inside = False
        else:
            try:
                decoded.append(a2b_uu(line))
            except Error:
                decoded.append(line)
    return b"".join(decoded)


def as_base64(data: bytes | memoryview) -> Iterator[bytes]:
    """Encode as base64, in blocks of whole lines, without a line end after the last."""
    size = _LINE_OCTETS * _BLOCK_LINES
    view = memoryview(data)
    for at in range(0, len(view), size):
        block = view[at : at + size]
        lines = [
            b2a_base64(block[start : start + _LINE_OCTETS], newline=False)
            for start in range(0, len(block), _LINE_OCTETS)
        ]
        yield (b"\r\n" if at else b"") + b"\r\n".join(lines)


def as_quoted_printable(data: bytes | memoryview) -> Iterator[bytes]:
    """Encode a text as quoted-printable, in blocks. All line ends become CRLF."""
    view, at = memoryview(data), 0
    while at < len(view):
        block = bytes(view[at : at + _BLOCK])
        last_line = block.rfind(b"\n") + 1
        if at + len(block) < len(view) and last_line:
            block = block[:last_line]
        at += len(block)
        yield _LINE_END.sub(b"\r\n", b2a_qp(_LINE_END.sub(b"\n", block), istext=True))


def smaller(data: bytes | memoryview) -> tuple[str, tuple[bytes, ...]]:
    """Encode a text as what is smaller: return the transfer encoding, and the encoded pieces."""
    readable = tuple(as_quoted_printable(data))
    base64_size = -(-len(data) // _LINE_OCTETS) * 78
    if sum(map(len, readable)) < base64_size:
        return QUOTED_PRINTABLE, readable
    return BASE64, tuple(as_base64(data))


def rewrapped(data: memoryview) -> Iterator[bytes]:
    """Wrap base64 into lines of 76 characters, without the invalid ones; in blocks.

    Several padded pieces become one: otherwise the ends of lines would no longer part them.
    """
    if _GLUED.match(data):
        yield from as_base64(_from_base64(bytes(data))[0])
        return
    rest = b""
    for at in range(0, len(data), _BLOCK):
        rest += bytes(data[at : at + _BLOCK]).translate(None, _NOT_BASE64)
        whole = len(rest) - len(rest) % 76
        yield b"".join(rest[start : start + 76] + b"\r\n" for start in range(0, whole, 76))
        rest = rest[whole:]
    yield rest


def encode_text(data: bytes) -> tuple[str, list[bytes]]:
    """Encode a text with CRLF line ends; return the transfer encoding, and the encoded pieces.

    7bit if it is clean; else quoted-printable if at least four fifths are ASCII; else base64.
    Charsets in which CRLF has other octets, such as EBCDIC, need base64.
    """
    if is_clean(data, 0, len(data)):
        return SEVEN_BIT, [data]
    is_readable = b"\0" not in data and has_crlf_only(data, 0, len(data))
    if is_readable and len(data[:_BLOCK].translate(None, _ASCII)) * 5 <= len(data[:_BLOCK]):
        lines = b2a_qp(data.replace(b"\r", b""), istext=True)
        return QUOTED_PRINTABLE, [lines.replace(b"\n", b"\r\n")]
    return BASE64, list(as_base64(data))


def sanitized(data: bytes) -> bytes:
    """Make text between parts clean, which nobody decodes: 8-bit becomes `?`; split long lines."""
    lines = []
    for line in _LINE_END.split(data.replace(b"\0", b"").translate(_QUESTION_MARKS)):
        lines += [line[at : at + MAX_LINE] for at in range(0, len(line), MAX_LINE)] or [b""]
    return b"\r\n".join(lines)


_QUESTION_MARKS = bytes(range(0x80)) + b"?" * 0x80
