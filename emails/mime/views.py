"""A text as a reader or a program sees it, and the way back to what is written.

The same characters can be written in many ways: as entities, percent-encoded, full width, with
invisible characters or tags between them, over two lines. A view undoes that. What it drops or
decodes is a *piece*; everything else is copied.

Linear time: a piece never extends beyond the start of another, except for comments, and these are
looked for only where they end.
"""

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache
from html import unescape

INVISIBLE = (
    r"\x00-\x08\x0e-\x1f\x7f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    r"\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e007f"
)
"""Characters that mail programs don't show, for a character class."""

_LOOKALIKES = {
    **{code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)},  # full width
    **dict.fromkeys((0x2024, 0x3002, 0xFF61), "."),
    **dict.fromkeys((0x2010, 0x2011, 0x2212, 0xFE63), "-"),
    0xFE6B: "@",
}
"""What browsers take for a character of an address (UTS #46), or readers do."""

_LOOKS = "".join(map(chr, _LOOKALIKES))

# Each alternative begins with the character that the class before it has matched.
_ENTITY = (
    r"(?<=&)(?:amp;){0,3}(?:#[0-9]{1,12};?|#x[0-9A-F]{1,10};?"
    r"|[a-z][a-z0-9]{1,31};|(?:shy|nbsp)(?![a-z0-9=]))"
)
_PERCENT = (
    r"(?:(?<=%)|(?<=&)(?:#37|#x25|percnt);)(?:25){0,5}"
    r"(?:[0-7][0-9A-F]|[89A-F][0-9A-F](?:%(?:25){0,5}[89A-F][0-9A-F]){0,3})"
)
_BREAK = r"(?:(?<![ \t][ \t])(?<=[ \t])[ \t]*+[\r\n]|(?<=[\r\n]))[ \t\r\n>|]*+"  # quote signs, too
_GLYPH = rf"(?<=[{_LOOKS}])|(?<=[{INVISIBLE}])[{INVISIBLE}]*+"
_ESCAPE = (
    r"(?<==)(?:[2-7][0-9A-Fa-f]|[\r\n]++)"
    r"|(?<=\\)(?:u00[2-7][0-9A-Fa-f]|[x'][2-7][0-9A-Fa-f]|[nrt]|(?=[@._+\"-]))"
)
_QUOTED = r"""[^<>"']*+(?:(?:"[^"<]*+"|'[^'<]*+')[^<>"']*+){0,50}>"""
_MORE_TAGS = r"(?:[\r\n \t]*+<(?!!--|style|script)[^<>\"']*+>){0,30}"  # fewer pieces: less memory
_TAG = (
    rf"(?<=<)(?:(?:style|script)\b[^<>]*+>[^<]*+</(?:style|script)[^<>]*+>|{_QUOTED}|[^<>]*+>)"
    rf"{_MORE_TAGS}"
)
_COMMENT = r"(?<=<)!--(?!\[if).*?-->"  # Outlook renders what is in conditional ones
_COMMENT_END = "-->"

_ENCODED_AMPERSANDS = re.compile(r"&(?:amp;)+", re.IGNORECASE)
_ENCODED_PERCENT_SIGN = re.compile(r"&(?:#37|#x25|percnt);(?=[0-9A-F])", re.IGNORECASE)
_OCTET = re.compile(r"%(?:25)*([0-9A-Fa-f]{2})")
_HEX = re.compile(r"[2-7][0-9A-Fa-f]\Z")
_NOT_SEEN = re.compile(f"[{INVISIBLE}]+")


def _pieces(first: str, *rest: str) -> re.Pattern[str]:
    """Compile a pattern whose first character is of a class, by which Python's `re` skips text."""
    return re.compile(rf"[{first}](?:{'|'.join(rest)})", re.IGNORECASE | re.DOTALL)


_FIRST = rf"&% \t\r\n{_LOOKS}{INVISIBLE}"
_BASIC = (_PERCENT, _ENTITY, _BREAK, _GLYPH)

AS_WRITTEN = _pieces(_FIRST, *_BASIC)
"""The source, with entities and percent-encoding decoded: for attributes and plain text."""

WITH_ESCAPES = _pieces(rf"{_FIRST}=\\", *_BASIC, _ESCAPE)
"""The same, with quoted-printable and backslash escapes decoded, too."""

AS_SHOWN = _pieces(rf"{_FIRST}<", _TAG, *_BASIC)
"""What HTML shows: without tags and comments."""

_AS_SHOWN_WITH_COMMENTS = _pieces(rf"{_FIRST}<", _COMMENT, _TAG, *_BASIC)


_WINDOW, _MARGIN = 1 << 17, 1 << 16
"""Characters of a large text that are searched at once, and how long a piece of it may be: a longer
tag or comment is read as text."""

_MANY = 10_000
"""Short strings that are kept before they are joined: each takes more memory than its letters."""


class View:
    """A view of `original`; `text` is what is seen."""

    def __init__(self, original: str, pattern: re.Pattern[str]) -> None:
        self._at = array("I")  # where each piece begins in `text`
        self._length = array("B")  # its length there
        self._from, self._to = array("I"), array("I")  # and where it lies in the original
        blocks: list[str] = []
        parts: list[str] = []
        copied = length = 0
        for found in _found(original, pattern):
            start, end = found.span()
            shown = "" if original[start] == "<" else _read(found[0])
            parts += (original[copied:start], shown)
            length += start - copied
            self._at.append(length)
            self._length.append(len(shown))
            self._from.append(start)
            self._to.append(end)
            length += len(shown)
            copied = end
            if len(parts) >= _MANY:
                blocks.append("".join(parts))
                parts.clear()
        self.text = "".join([*blocks, *parts, original[copied:]])

    def original_span(self, at: int) -> tuple[int, int]:
        """Return where the character at this offset of `text` lies in the original."""
        piece = bisect_right(self._at, at) - 1
        if piece < 0:
            return at, at + 1
        beyond = at - self._at[piece] - self._length[piece]
        if beyond < 0:
            return self._from[piece], self._to[piece]
        start = self._to[piece] + beyond
        return start, start + 1

    def follows_a_gap(self, at: int) -> bool:
        """Return whether something was dropped before this character, or nothing precedes it."""
        return at == 0 or self.original_span(at - 1)[1] != self.original_span(at)[0]


def _found(original: str, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
    """Find the pieces, in a large text window by window: one search keeps all threads waiting."""
    start = 0
    while start < len(original):
        is_last = len(original) - start <= _WINDOW + _MARGIN
        limit = len(original) if is_last else start + _WINDOW
        for found in _found_within(original, pattern, start, limit + _MARGIN):
            if found.start() >= limit:
                break
            yield found
            start = found.end()
        start = max(start, limit)


def _found_within(
    original: str, pattern: re.Pattern[str], start: int, end: int
) -> Iterator[re.Match[str]]:
    if pattern is not AS_SHOWN:
        yield from pattern.finditer(original, start, end)
        return
    # Only as far as comments end: beyond, looking for the end of each would take quadratic time.
    last = original.rfind(_COMMENT_END, start, end)
    comments_end = last + len(_COMMENT_END) if last >= 0 else start
    at = start
    for found in _AS_SHOWN_WITH_COMMENTS.finditer(original, start, comments_end):
        yield found
        at = found.end()
    at = at if at > comments_end - len(_COMMENT_END) else comments_end
    yield from pattern.finditer(original, at, end)


@lru_cache(maxsize=4096)
def _read(piece: str) -> str:
    """Return what a piece shows: at most a few characters."""
    piece = _ENCODED_PERCENT_SIGN.sub("%", piece)
    match piece[0]:
        case "&":
            shown = unescape(_ENCODED_AMPERSANDS.sub("&", piece))
        case "%":
            octets = "".join(_OCTET.findall(piece))
            shown = bytes.fromhex(octets).decode("utf-8", "replace")
        case "=" | "\\" if _HEX.search(piece):
            shown = chr(int(piece[-2:], 16))
        case "=" | "\\" | " " | "\t" | "\r" | "\n":
            shown = ""
        case _:
            shown = piece
    return _NOT_SEEN.sub("", shown.translate(_LOOKALIKES))
