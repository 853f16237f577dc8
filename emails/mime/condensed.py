"""A text without what mail programs change in a quote, and the way back to the original.

Dropped are blanks, line ends, quote signs (`>`), quotation marks, invisible characters, tags, and
the links that plain text gets behind an address. HTML entities are decoded. So two spellings of a
sentence are equal, whatever its quote was put through.

Linear time: each match ends before the next may begin, and no pattern backtracks.
"""

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from html import unescape

_DROPPED = r"\s>\"'“”„«»\u2018\u2019\u2039\u203a\u00ad\u200b-\u200f\u2060\u2066-\u2069\ufeff"
_BLANKS = re.compile(f"[{_DROPPED}]+")

_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[Xx][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_HTML_PIECE = re.compile(rf"<[^<>]*+>|{_ENTITY.pattern}|[^<&{_DROPPED}]++|[{_DROPPED}]++|[<&]")
_TEXT_PIECE = re.compile(
    rf"<(?:mailto|https?|tel):[^<>]*+>|[^<{_DROPPED}]++|[{_DROPPED}]++|<", re.IGNORECASE
)


_BETWEEN_SPANS = "\0"


def spans_around(text: str, word: str, distance: int) -> list[tuple[int, int]]:
    """Return the spans of the text that are within a distance of a word; they don't overlap."""
    spans: list[tuple[int, int]] = []
    at = text.find(word)
    while at >= 0:
        start, end = max(0, at - distance), at + len(word) + distance
        if spans and start <= spans[-1][1]:
            start = spans.pop()[0]
        spans.append((start, end))
        # Whatever lies closer than the span's end changes nothing but its end.
        last = text.rfind(word, at, end)
        at = text.find(word, at + len(word)) if last == at else last
    return spans


class Condensed:
    """The condensed form of some spans, in `text`. Remembers where each character came from."""

    def __init__(
        self, original: str, *, is_html: bool, spans: Sequence[tuple[int, int]] | None = None
    ) -> None:
        self._original = original
        self._is_html = is_html
        self._at = array("Q")  # where each piece begins in the condensed text
        self._from = array("Q")  # where it begins in the original
        pieces: list[str] = []
        length = 0
        for start, piece in self._pieces([(0, len(original))] if spans is None else spans):
            self._at.append(length)
            self._from.append(start)
            pieces.append(piece)
            length += len(piece)
        self.text = "".join(pieces)

    def _pieces(self, spans: Sequence[tuple[int, int]]) -> Iterator[tuple[int, str]]:
        pattern = _HTML_PIECE if self._is_html else _TEXT_PIECE
        for number, span in enumerate(spans):
            if number:
                yield span[0], _BETWEEN_SPANS
            for found in pattern.finditer(self._original, *span):
                piece = found[0]
                if piece[0] == "<" or _BLANKS.match(piece):
                    continue
                if self._is_html and piece[0] == "&":
                    piece = unescape(piece)
                    if not piece or _BLANKS.fullmatch(piece):
                        continue
                yield found.start(), piece

    def original_start(self, at: int) -> int:
        """Return where the character at this offset of `text` begins in the original."""
        start, inside, entity = self._place(at)
        return start if entity else start + inside

    def original_end(self, end: int) -> int:
        """Return where the character before this offset of `text` ends in the original."""
        start, inside, entity = self._place(end - 1)
        return entity.end() if entity else start + inside + 1

    def _place(self, at: int) -> tuple[int, int, re.Match[str] | None]:
        """Find the character's piece in the original, its offset there, and if it is an entity."""
        piece = bisect_right(self._at, at) - 1
        start = self._from[piece]
        entity = _ENTITY.match(self._original, start) if self._is_html else None
        return start, at - self._at[piece], entity
