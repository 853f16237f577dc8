"""The ways to write a character in HTML and CSS, and the way back to where it was written.

https://html.spec.whatwg.org/#character-reference-state, https://www.w3.org/TR/css-syntax-3/#escaping
"""

import re
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator
from html import unescape
from html.entities import html5

_LONGEST_NAME = max(map(len, html5)) - 1
_REFERENCE = re.compile(
    rf"&(?:#[0-9]{{1,12}};?|#x[0-9a-f]{{1,10}};?|[a-z][a-z0-9]{{0,{_LONGEST_NAME}}}+[;=]?)",
    re.IGNORECASE,
)
_ESCAPE = re.compile(
    r"\\(?:[0-9a-f]{1,6}(?:\r\n|[ \t\r\n\f])?|\r\n|.)|[\t\r\n\f]+", re.IGNORECASE | re.DOTALL
)
_IN_STYLE = re.compile(r"[\\\t\r\n\f]")
_HEX = re.compile(r"[0-9a-fA-F]+")
_LAST_CODE = 0x10FFFF
_ENDS = frozenset({"\n", "\r", "\f", "\r\n"})


def unescaped(value: str) -> str:
    """Decode an attribute's value."""
    return _REFERENCE.sub(_referenced, value) if "&" in value else value


def _referenced(found: re.Match[str]) -> str:
    """Decode one reference. In an attribute, `&copy=` and `&copyx` stand for themselves."""
    written = found[0]
    return unescape(written) if written[1] == "#" or written[1:] in html5 else written


def _escaped(found: re.Match[str]) -> str:
    """Decode one escape of a style sheet. Line ends and tabs don't count in a URL."""
    written = found[0]
    if written[0] != "\\" or written[1:] in _ENDS:
        return ""
    if hexadecimal := _HEX.match(written, 1):
        code = int(hexadecimal[0], 16)
        shown = chr(code) if 0 < code <= _LAST_CODE and not 0xD800 <= code < 0xE000 else "\ufffd"
        return "" if shown in "\t\r\n" else shown
    return written[1:]


def readings(text: str) -> Iterator["Reading"]:
    """Yield the text as attributes are read, and as style sheets are, if that may differ."""
    decoded = Reading(text, _REFERENCE, _referenced)
    yield decoded
    if _IN_STYLE.search(decoded.text):
        yield Reading(decoded, _ESCAPE, _escaped)


class Reading:
    """A text with something decoded or left out, in `text`; knows where that was written."""

    def __init__(
        self,
        source: "str | Reading",
        pattern: re.Pattern[str],
        decode: Callable[[re.Match[str]], str],
    ) -> None:
        written: str = source.text if isinstance(source, Reading) else source
        self._outer = source if isinstance(source, Reading) else None
        self._at = array("Q", [0])  # where each piece that is copied begins in `text`
        self._from = array("Q", [0])  # and where it was written
        pieces: list[str] = []
        length = copied = 0
        for found in pattern.finditer(written):
            shown = decode(found)
            pieces += (written[copied : found.start()], shown)
            length += found.start() - copied + len(shown)
            copied = found.end()
            self._at.append(length)
            self._from.append(copied)
        self.text: str = "".join([*pieces, written[copied:]]) if pieces else written

    def written(self, start: int, end: int) -> tuple[int, int]:
        """Return where a span of `text` was written."""
        first, last = self._origin(start), self._origin(end)
        return self._outer.written(first, last) if self._outer else (first, last)

    def _origin(self, at: int) -> int:
        piece = bisect_right(self._at, at) - 1
        return self._from[piece] + at - self._at[piece]
