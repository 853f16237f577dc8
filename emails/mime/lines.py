"""Widens a span of plain text to the whole lines that a note stands in."""

import re

_MAX_PREFIX = 200
"""Characters before the note that are searched for the start of its line."""

_LINK = re.compile(r"[ \t]{0,9}<(?:mailto|https?|tel):[^<>]{0,2000}>", re.IGNORECASE)
_BLANK = re.compile(r"[ \t\r>]*")


def lines_around(text: str, start: int, end: int, *, is_footer: bool) -> tuple[int, int, str]:
    """Return the span to cut out, and what replaces it.

    The whole lines, if they hold nothing but quote signs, and the empty lines with which we set
    the note apart; otherwise only the words.
    """
    if link := _LINK.match(text, end):
        end = link.end()
    line_start = text.rfind("\n", max(0, start - _MAX_PREFIX), start) + 1
    newline = text.find("\n", end)
    line_end = len(text) if newline < 0 else newline + 1
    is_short = line_start > 0 or start < _MAX_PREFIX
    signs = text[line_start:start]
    if not (is_short and _is_blank(signs) and _is_blank(text[end:line_end].rstrip("\n"))):
        return start, _after_blanks(text, start, end), ""
    depth = signs.count(">")
    if is_footer:
        # Two: the end of the text's last line became the first.
        before = _before_empty_line(text, _before_empty_line(text, line_start, depth), depth)
        return before, line_end, ""
    return line_start, _after_empty_line(text, line_end, depth), ""


def _is_blank(line: str, depth: int | None = None) -> bool:
    fits = depth is None or line.count(">") == depth
    return fits and _BLANK.fullmatch(line) is not None


def _after_blanks(text: str, start: int, end: int) -> int:
    """Return where the blanks after the words end, if there are some before them, too."""
    if start and text[start - 1] not in " \t\n>":
        return end
    blanks = re.compile(r"[ \t]*").match(text, end)
    return blanks.end() if blanks else end


def _before_empty_line(text: str, line_start: int, depth: int) -> int:
    start = text.rfind("\n", max(0, line_start - _MAX_PREFIX), max(0, line_start - 1)) + 1
    line = text[start : max(start, line_start - 1)]
    is_line = line_start > 0 and (start > 0 or line_start < _MAX_PREFIX)
    return start if is_line and _is_blank(line, depth) else line_start


def _after_empty_line(text: str, line_end: int, depth: int) -> int:
    newline = text.find("\n", line_end, line_end + _MAX_PREFIX)
    if newline < 0:
        return line_end
    return newline + 1 if _is_blank(text[line_end:newline], depth) else line_end
