"""Takes our note out of what a reply quotes: it tells the correspondent that the address is a mask.

It is found by its words, since nothing else survives: Gmail and Outlook drop or rename classes, ids
and comments, all programs rewrap text and put signs before its lines, and the plain text of a reply
is often made from its HTML. Elements and lines that held nothing but the note go with it. Nothing
else is touched, and a text without the note stays as it is. But for the note's links: they work for
whoever has them, so they are cut short wherever they are, even if somebody changed the note.

See `condensed.py` for what may lie between the note's characters.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from emails.mime.blocked_names import is_blocked
from emails.mime.condensed import Condensed, spans_around
from emails.mime.elements import around
from emails.mime.lines import lines_around
from emails.mime.plans import NoteWording

_MAX_TEXT = 10_000_000
"""Characters of a text that is searched. Longer ones are logs, not what people answer."""

_MAX_NOTES = 1_000
"""Notes that are taken out of a text: more than any thread is long."""

_MAX_SPAN = 20_000
"""Characters between a note's first and last one, tags and quote signs included."""

_TRACKER = re.compile(r"([a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63}){0,20})\(([0-9]{1,9})\),?")
_LINK = r":?https?://[\w.:-]{1,300}/emails/note/[a-z]{1,9}/[\w-]{1,1000}/?"
_MAX_LINKS = 4
_OUR_LINK = re.compile(
    r"(emails(?:/|%2f)note(?:/|%2f)[a-z]{1,9}(?:/|%2f))[\w-]{8,1000}", re.IGNORECASE
)
_MAX_NAME_LINES = 12
_MAX_LINE = 1_000
_BLOCKS = "div|p|td|tr|table|blockquote|pre|body"
_NAMES_END = {
    True: re.compile(rf"<(?:/?(?:{_BLOCKS})|br)\b[^<>]*+>", re.IGNORECASE),
    False: re.compile(r"\n"),
}
_TAG = re.compile(r"<[^<>]*+>")
_QUOTE_SIGNS = re.compile(r"^(?:[\s>]|&gt;)+")
_MORE_NAMES = re.compile(r"\(\+[0-9]{1,9}\)$")
_NUMBER = "([0-9]{1,9})"

NoteRemover = Callable[[str, bool], str]
"""Returns a text without our notes. Second argument: whether the text is HTML."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A note's characters in the original, `[start, end)`."""

    start: int
    end: int
    is_last: bool  # behind a delimiter: the note is at the mail's end


def note_remover(wordings: Sequence[NoteWording]) -> NoteRemover:
    """Make a function that removes the notes written in any of these wordings."""
    if not wordings:
        return lambda text, is_html: text
    finder = _Finder(wordings)

    def remove(text: str, is_html: bool) -> str:
        return _OUR_LINK.sub(r"\1", without_notes(text, is_html))

    def without_notes(text: str, is_html: bool) -> str:
        if len(text) > _MAX_TEXT or finder.landmark not in text:
            return text
        pieces, at = [], 0
        for found in sorted(finder.find(text, is_html), key=lambda one: one.start):
            if found.start < at or found.end - found.start > _MAX_SPAN:
                continue
            widen = around if is_html else lines_around
            start, end, kept = widen(text, found.start, found.end, is_footer=found.is_last)
            pieces += [text[at : max(at, start)], kept]
            at = end
        return "".join([*pieces, text[at:]])

    return remove


class _Finder:
    def __init__(self, wordings: Sequence[NoteWording]) -> None:
        headers = dict.fromkeys(_condensed(one.header) for one in wordings)
        footers = dict.fromkeys(_condensed(footer) for one in wordings for footer in one.footers)
        self._phrases = [(phrase, False) for phrase in headers]
        self._phrases += [(phrase, True) for phrase in footers]
        counts = [re.escape(_condensed(line)) for one in wordings for line in one.trackers]
        self._counts = re.compile("|".join(one.replace("\ue000", _NUMBER) for one in counts))
        renamed = [re.escape(_condensed(line)) for one in wordings for line in one.renamed]
        self._renamed = re.compile("|".join(renamed))
        links = [re.escape(_condensed(line)) for one in wordings for line in one.links]
        self._links = re.compile(rf"(?:·?(?:{'|'.join(links)})(?:{_LINK})?){{0,{_MAX_LINKS}}}")
        warnings = dict.fromkeys(_condensed(line) for one in wordings for line in one.warnings)
        self._warnings = tuple(sorted(warnings, key=len, reverse=True))
        words = re.findall(r"[A-Za-z0-9]+", wordings[0].mask.partition("@")[0])
        self.landmark = max(words, key=len, default="")
        """A word that no mail program divides and each note contains."""

    def find(self, text: str, is_html: bool) -> Iterator[_Found]:
        spans = spans_around(text, self.landmark, _MAX_SPAN)
        condensed = Condensed(text, is_html=is_html, spans=spans)
        return islice(self._all(text, condensed, is_html), _MAX_NOTES)

    def _all(self, text: str, condensed: Condensed, is_html: bool) -> Iterator[_Found]:
        for phrase, is_footer in self._phrases:
            at = condensed.text.find(phrase)
            while at >= 0:
                end = at + len(phrase)
                start = condensed.original_start(at)
                if is_footer:
                    first = self._before_warnings(condensed, at)
                    start = condensed.original_start(first)
                    begin = _before_delimiter(text, condensed, first, start)
                    footer_end = self._footer_end(text, condensed, end, is_html)
                    yield _Found(begin, footer_end, is_last=begin < start)
                elif _ends_here(text, condensed.original_end(end)):
                    yield _Found(start, condensed.original_end(end), is_last=False)
                at = condensed.text.find(phrase, end)

    def _before_warnings(self, condensed: Condensed, at: int) -> int:
        """Return where the note begins whose footer is here: with its warnings."""
        for _ in self._warnings:
            ends = (one for one in self._warnings if condensed.text.endswith(one, 0, at))
            at -= len(next(ends, ""))
        return at

    def _footer_end(self, text: str, condensed: Condensed, at: int, is_html: bool) -> int:
        """Return where the footer ends in the original, with its list of trackers and of names."""
        if counted := self._counts.match(condensed.text, at):
            number = next(group for group in counted.groups() if group)
            at = _trackers_end(text, condensed, counted.end(), int(number))
        if links := self._links.match(condensed.text, at):
            at = links.end()
        if renamed := self._renamed.match(condensed.text, at):
            return _names_end(text, condensed.original_end(renamed.end()), is_html)
        return condensed.original_end(at)


def _condensed(words: str) -> str:
    return Condensed(words, is_html=False).text


def _ends_here(text: str, end: int) -> bool:
    """Return whether the address that ends here is not the beginning of a longer one."""
    return re.match(r"[\w-]|[.@][\w-]", text[end : end + 2]) is None


def _before_delimiter(text: str, condensed: Condensed, at: int, start: int) -> int:
    """Return where the `-- ` before a footer begins, if it has a line to itself; else `start`."""
    if not condensed.text.endswith("--", 0, at):
        return start
    delimiter = condensed.original_start(at - 2)
    before = text[max(0, delimiter - 200) : delimiter].rstrip(" \t")
    return delimiter if not before or before[-1] in "\n\r>" else start


def _trackers_end(text: str, condensed: Condensed, at: int, number: int) -> int:
    """Return where the list of trackers ends, in the condensed text. Their counts add up."""
    while number > 0 and (item := _TRACKER.match(condensed.text, at)):
        domain = text[condensed.original_start(at) : condensed.original_end(item.end(1))]
        if _TAG.sub("", domain).split() != [_TAG.sub("", domain)]:
            break
        number -= int(item[2])
        at = item.end()
    return at + condensed.text.startswith("…", at)


def _names_end(text: str, at: int, is_html: bool) -> int:
    """Return where the list of renamed files ends: their names are blocked ones."""
    end = _listed_end(text, at, is_html, _NAMES_END[is_html])
    # Text that was made HTML may have lines in it.
    return _listed_end(text, at, is_html, _NAMES_END[False]) if is_html and end == at else end


def _listed_end(text: str, at: int, is_html: bool, line_end: re.Pattern[str]) -> int:
    found_end = at
    for _ in range(_MAX_NAME_LINES):
        boundary = line_end.search(text, at, at + _MAX_LINE)
        end = boundary.start() if boundary else min(len(text), at + _MAX_LINE)
        line = text[at:end]
        shown = _QUOTE_SIGNS.sub("", _TAG.sub("", line) if is_html else line).strip()
        names = _MORE_NAMES.sub("", shown).rstrip()
        if names and not all(is_blocked(name) for name in names.split(", ")):
            break
        if shown:
            found_end = at + len(line.rstrip())
        elif at != found_end:
            break
        if boundary is None:
            break
        at = boundary.end()
    return found_end
