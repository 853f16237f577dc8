"""The header of a mail or a part: where it ends, and its fields.

It ends at an empty line. A line that is none of a header's, such as mbox's `>From`, a folded line
that lost its blank, or a filter's words, may stand before that, and mail programs read on behind
it. So do we, if fields follow that are known. Otherwise it is text whose empty line is missing, as
it is for `email.parser`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from emails.mime.parameters import MAX_NAME

MAX_FIELDS = 2_000
"""Fields read from one header; later ones are ignored."""

_FOLD = re.compile(rb"[\r\n]+")
_NAME = re.compile(rb"([!-9;-~]++)[ \t]*+:")
_KNOWN = re.compile(
    rb"(?:arc|content|delivered|dkim|list|original|received|resent|return|x)-[!-9;-~]+"
    rb"|authentication-results|auto-submitted|bcc|cc|comments|date|errors-to|from|importance"
    rb"|in-reply-to|keywords|message-id|mime-version|organization|precedence|priority|received"
    rb"|references|reply-to|sender|status|subject|thread-[a-z]+|to|user-agent",
    re.IGNORECASE,
)
_BOUNDARY = re.compile(rb"\bboundary=\"?([^\";\r\n]*[^\";\s])", re.IGNORECASE)
_OF_A_FILE = re.compile(
    rb"^content-type[ \t]*:\s*(?:application|audio|font|image|video)/", re.IGNORECASE | re.MULTILINE
)
"""What follows this in a header can't be text whose empty line is missing."""

_HARMLESS = (b" ", b"\t", b"From ", b">From ")
_SAMPLE = 1 << 14
"""Octets of a mail that tell how its lines end."""

_MAX_LINES = 1_000
"""Lines after a bad one that are searched for fields."""

_MORE_BAD_LINES = 3
"""How many more bad lines than known fields there may be. Of text, hardly a line is a field."""

IsDelimiter = Callable[[bytes], bool]
"""Returns whether a line that begins with `--` is a boundary of a multipart that is open."""


@dataclass(frozen=True, slots=True)
class Lines:
    """How the lines of a mail are recognised: by any line end, or by LF alone."""

    header: re.Pattern[bytes]
    field: re.Pattern[bytes]
    folded: re.Pattern[bytes]
    line: re.Pattern[bytes]
    end: re.Pattern[bytes]


def _lines(*, end: str, no_end: str, stray: str = "") -> Lines:
    any_end = f"(?:{end}|\\Z)"

    def pattern(text: str) -> re.Pattern[bytes]:
        return re.compile(text.encode("ascii"))

    # Few lines per match, since the matcher keeps state for each repetition. Lines that begin like
    # a delimiter are looked at one by one.
    return Lines(
        header=pattern(
            rf"(?:{stray}(?:(?!--)[!-9;-~]++[ \t]*+:|[ \t]|From ){no_end}*+{any_end}){{1,50}}"
        ),
        field=pattern(
            rf"(?<!{no_end}){stray}([!-9;-~]{{1,{MAX_NAME}}}+)[ \t]*+:"
            rf"({no_end}*+(?:(?:{end})[ \t]{no_end}*+){{0,50}}){any_end}"
        ),
        folded=pattern(rf"(?:[ \t]{no_end}*+{any_end}){{1,50}}"),
        line=pattern(rf"({no_end}*+){any_end}"),
        end=pattern(end),
    )


_OF_ANY_END = _lines(end=r"\r\n|\n|\r", no_end=r"[^\r\n]")
_OF_LF = _lines(end=r"\r*\n", no_end=r"[^\n]", stray=r"\r*+")


def lines_of(raw: bytes) -> Lines:
    """Return how the lines of a mail end.

    A CR alone ends a line, as in `email.parser`, where that is how lines end. Among lines that end
    in LF it is damage, as in `\\r\\r\\n`: other programs read over it.
    """
    returns, feeds = raw.count(b"\r", 0, _SAMPLE), raw.count(b"\n", 0, _SAMPLE)
    if returns in (0, feeds):  # nearly all mails, and nearly always all of their line ends
        return _OF_ANY_END
    alone = returns - raw.count(b"\r\n", 0, _SAMPLE)
    return _OF_LF if 0 < alone <= feeds else _OF_ANY_END


class Field(NamedTuple):
    """One header field. `[start, end)` is its lines, including the last line end.

    A mail has dozens of them, and tuples are made faster than dataclasses.
    8-bit text in the value is UTF-8 if it could be read, and else as it stands in the mail.
    """

    name: str
    value: bytes
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class HeaderBlock:
    """A header. `body` is where it ends, with its empty line. `is_torn`: it has bad lines."""

    fields: tuple[Field, ...]
    body: int
    has_blank_line: bool
    is_torn: bool


def unfolded(value: bytes) -> bytes:
    """Remove the line breaks from a field's value, and blanks around it."""
    return _FOLD.sub(b"", value).strip(b" \t")


def has_header(raw: bytes) -> bool:
    """Return whether the octets begin with a header field. SES puts some on top of every mail."""
    lines = _OF_ANY_END.header.match(raw)
    return lines is not None and _OF_ANY_END.field.search(raw, 0, lines.end()) is not None


def read_header(raw: bytes, start: int, lines: Lines, is_delimiter: IsDelimiter) -> HeaderBlock:
    """Read the header that begins here."""
    end = start
    while found := lines.header.match(raw, end):
        end = found.end()
    whole_end = end
    if end < len(raw) and not lines.end.match(raw, end):
        whole_end = _end_behind_bad_lines(raw, start, end, lines, is_delimiter)
    blank = lines.end.match(raw, whole_end)
    fields = islice(lines.field.finditer(raw, start, whole_end), MAX_FIELDS)
    return HeaderBlock(
        fields=tuple(_field(raw, one, whole_end, lines) for one in fields),
        body=blank.end() if blank else whole_end,
        has_blank_line=blank is not None or whole_end == len(raw),
        is_torn=whole_end > end,
    )


def _end_behind_bad_lines(
    raw: bytes, start: int, at: int, lines: Lines, is_delimiter: IsDelimiter
) -> int:
    """Return where the header really ends; `at` if the line there begins the text."""
    before, bad, known = at, 0, 0
    # The header of a multipart ends at its first boundary, if no empty line precedes that.
    declared = set(_BOUNDARY.findall(raw, start, at))
    for line in islice(lines.line.finditer(raw, at), _MAX_LINES):
        text = line[1].strip(b"\r")
        if not text:
            break
        if text.startswith(b"--") and (is_delimiter(text) or text[2:].strip() in declared):
            break
        declared.update(_BOUNDARY.findall(text))
        if name := _NAME.match(text):
            known += _KNOWN.fullmatch(name[1]) is not None
        elif not text.startswith(_HARMLESS):
            bad += 1
        at = line.end()
    may_go_on = known or _OF_A_FILE.search(raw, start, before)
    is_header = not bad or (may_go_on and bad <= known + _MORE_BAD_LINES)
    return at if is_header else before


def _field(raw: bytes, found: re.Match[bytes], header_end: int, lines: Lines) -> Field:
    end = found.end()
    while more := lines.folded.match(raw, end, header_end):
        end = more.end()
    is_whole = end == found.end()
    value = found[2] if is_whole else raw[found.start(2) : end].rstrip(b"\r\n")
    return Field(found[1].decode("ascii").lower(), value, found.start(), end)
