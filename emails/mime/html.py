"""Finds the body and the trackers in a mail's HTML. Linear time on any input.

It builds no tree, and changes only what it must. HTML in mail is often broken, and each mail
program handles that differently, so everything else must stay as the sender wrote it. It tokenizes
as browsers do (https://html.spec.whatwg.org/#tokenization), with regular expressions that never
gain from backtracking: alternatives begin with different characters, and repeated character classes
are possessive. One match skips many uninteresting tags, so a million of them don't take a million
steps of Python.

Repeated groups are not possessive, because Python before 3.11.5 handles those wrongly (gh-106052).
They are bounded instead, since the matcher keeps state for each repetition. Beyond the bound, the
next match continues (`_skip`).
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from string import ascii_letters

from emails.mime.tracked import Edit, Tracked, TrackerFinder

_FLAGS = re.IGNORECASE | re.ASCII | re.DOTALL

_MANY = "{1,50}"
"""Repetitions of the outer group in patterns for `_skip`."""

_FEW = "{0,30}"
"""Repetitions of inner groups. A tag that needs more is read by itself."""

# An attribute's value, after `=` and blanks. Before a `>` it may be empty.
VALUE = r"""(?:"[^"]*+"|'[^']*+'|[^\s>"'][^\s>]*+|(?=>))"""
_REST = rf"[^>=]*+(?:=\s*+{VALUE}[^>=]*+){_FEW}"

# The same for a tag whose values lead nowhere: without `//`, without what may stand for it, and
# without a scheme that needs none, however its letters are set apart.
_CALM = r"(?:/(?![/\\])|:(?<!\s:)(?<![t\s]p:)(?<![p\s]s:)(?<!ata:))"
_CALM_VALUE = (
    rf"""(?:"[^"/\\&:]*+(?:{_CALM}[^"/\\&:]*+){_FEW}"|'[^'/\\&:]*+(?:{_CALM}[^'/\\&:]*+){_FEW}'"""
    rf"""|(?=[^\s>"'])[^\s>/\\&:]*+(?:{_CALM}[^\s>/\\&:]*+){_FEW}(?=[\s>])|(?=>))"""
)
_SLASH = r"[/\\](?![/\\])"
_CALM_REST = rf"""[^>=/\\]*+(?:(?:{_SLASH}|=(?<![\s"'/]=)\s*+{_CALM_VALUE})[^>=/\\]*+){_FEW}"""
# A link as most are written. No `=` in it may be taken for that of another attribute.
_URL = rf""""https?://(?-i:[A-Za-z0-9.-]++)(?:[/?#][^"=]*+(?:=(?<![\s'/]=)[^"=]*+){_FEW})?\""""
_CALM_OR_LINK = (
    rf"(?:>|\s++(?:href|src)={_URL}(?:>|{_CALM_REST}>)"
    rf"|{_CALM_REST}(?:>|=(?:(?<=\shref=)|(?<=\ssrc=)){_URL}{_CALM_REST}>))"
)

COMMENT = r"!--(?:-?>|.*?--!?>)"
# Outlook renders HTML in conditional comments.
_CALM_COMMENT = rf"(?!!--\[if){COMMENT}"
DECLARATION = r"(?:!(?!--)|\?|/(?![a-z]))[^>]*+>"
# In XML, these name what is loaded.
_CALM_DECLARATION = rf"(?!!doctype|\?xml|!entity){DECLARATION}"

# Elements whose content is not parsed as HTML.
RAW = ("iframe", "noembed", "noframes", "plaintext", "script", "style", "textarea", "title", "xmp")
_STRUCTURE = ("body", "head", "html")
_STOPS = rf"/?(?:{'|'.join([*_STRUCTURE, *RAW])})(?![^\s/>])"

_WHOLE = re.compile(f"<(?:{COMMENT}|{DECLARATION})", _FLAGS)
_TAG = re.compile(rf"<(/?)([a-z][^\s/>]*+){_REST}(>?)", _FLAGS)
_MORE_OF_A_TAG = re.compile(rf"(?:[^>=]++|=\s*+{VALUE}){_MANY}", _FLAGS)
_RAW_END = {name: re.compile(rf"</{name}(?![^\s/>])", _FLAGS) for name in RAW}
_PROLOGUE = re.compile(rf"\ufeff?(?:\s*+<(?:!doctype|\?xml)[^>]*+>){_FEW}", _FLAGS)
_NO_TEXT = re.compile(rf"(?:\s++|<[^>]*+>){_MANY}")
_LETTERS = frozenset(ascii_letters)

# To look for all of `_STOPS` takes as long as all the rest of a tag; a short name is none of them.
_NAME = rf"""(?:(?-i:/?[A-Za-z][A-Za-z0-9]?)|(?!{_STOPS})/?[a-z][^\s/>="']{{2,}}+)(?=[\s/>])"""


def _uninteresting(rest: str, comment: str, declaration: str) -> re.Pattern[str]:
    """Match text, such comments and declarations, and tags that end in `rest`.

    The match stops before structural tags, raw elements, and tags or comments that never end.
    """
    markup = rf"{_NAME}{rest}|{comment}|{declaration}"
    return re.compile(rf"(?:[^<]++|<(?:{markup}|(?![a-z/!?]))){_MANY}", _FLAGS)


_TO_STRUCTURE = _uninteresting(f"(?:>|{_REST}>)", COMMENT, DECLARATION)
_TO_STRUCTURE_OR_URL = _uninteresting(_CALM_OR_LINK, _CALM_COMMENT, _CALM_DECLARATION)
"""Also passes tags with one ordinary link: of these, only the host matters."""


def _skip(pattern: re.Pattern[str], text: str, start: int, end: int) -> int:
    """Match the pattern as often as possible; return the end of the last match."""
    while found := pattern.match(text, start, end):
        start = found.end()
    return start


@dataclass(frozen=True, slots=True)
class Page:
    """Scanned HTML: the edits that remove trackers, and where its body begins and ends.

    `removed` counts the trackers, by listed domain.
    """

    html: str
    edits: tuple[Edit, ...]
    header_at: int
    footer_at: int
    removed: Mapping[str, int]

    def rewritten(self, *more: Edit) -> str:
        """Return the HTML without trackers, and with more edits, none of which cuts another."""
        edits = [*self.edits, *more]
        pieces, at = [], 0
        for edit in sorted(edits, key=lambda edit: edit.start):
            pieces += [self.html[at : edit.start], edit.text]
            at = edit.end
        return "".join([*pieces, self.html[at:]])


def scan(html: str, trackers: frozenset[str], warning_url: str) -> Page:
    """Find the body and the trackers.

    Links to trackers lead to `warning_url`, the same for all, which tells its server nothing about
    the mail. Where a link led stands behind a `#`, which browsers don't send. Images and anything
    else that is loaded become `BLANK`.
    """
    return _scan(html, trackers, warning_url, depth=0)


def _scan(html: str, trackers: frozenset[str], warning_url: str, depth: int) -> Page:
    def read_document(document: str, depth: int) -> tuple[str, Mapping[str, int]]:
        page = _scan(document, trackers, warning_url, depth)
        return page.rewritten(), page.removed

    finder = TrackerFinder(trackers, warning_url, read_document, depth) if trackers else None
    reader = _Reader(html, finder)
    reader.read()
    header_at = reader.header_at()
    return Page(
        html=html,
        edits=tuple(reader.edits),
        header_at=header_at,
        footer_at=max(header_at, reader.footer_at()),
        removed=reader.removed,
    )


@dataclass(slots=True)
class _Reader:
    html: str
    finder: TrackerFinder | None
    edits: list[Edit] = field(default_factory=list)
    removed: Counter[str] = field(default_factory=Counter)
    opened: dict[str, int] = field(default_factory=dict)  # end of the first opening tag, by name
    closing: dict[str, int] = field(default_factory=dict)  # start of the last closing tag, by name
    unclosed_at: int = 0  # start of the first tag or comment that never ends; else the length

    def read(self) -> None:
        uninteresting = _TO_STRUCTURE_OR_URL if self.finder else _TO_STRUCTURE
        at, self.unclosed_at = 0, len(self.html)
        while at < self.unclosed_at:
            skipped = uninteresting.match(self.html, at)
            if skipped is None:
                at = self._read_markup(at)
            elif tracked := self._hosts_in(at, skipped.end()):
                at = self._read_tags_at(tracked, at, skipped.end())
            else:
                at = skipped.end()
        # Browsers ignore the rest, unless it is a style sheet. Another program may not.
        self._search(self.unclosed_at, len(self.html))

    def _hosts_in(self, start: int, end: int) -> list[int]:
        """Return where the hosts of trackers begin in what would be uninteresting otherwise."""
        return self.finder.hosts_in(self.html, start, end) if self.finder else []

    def _read_tags_at(self, tracked: list[int], at: int, end: int) -> int:
        """Read the tags that lead to these hosts, and skip the others up to `end`."""
        for host in (*tracked, end):
            skipped = _TO_STRUCTURE_OR_URL.match(self.html, at, host)
            at = skipped.end() if skipped else at
            if at < host and self._is_tag(at):
                at = self._read_markup(at)
        return at

    def header_at(self) -> int:
        if (head := self.closing.get("head")) is not None and "body" not in self.opened:
            end = self.html.find(">", head) + 1
            return end if 0 < end <= self.unclosed_at else head
        prologue = _PROLOGUE.match(self.html)
        start = prologue.end() if prologue else 0
        return self.opened.get("body", self.opened.get("html", start))

    def footer_at(self) -> int:
        end = self.closing.get("body", self.closing.get("html", self.unclosed_at))
        # Browsers show text after `</body>`, such as a mailing list's footer, at the end.
        is_last = _skip(_NO_TEXT, self.html, end, self.unclosed_at) == self.unclosed_at
        return end if is_last else self.unclosed_at

    def _is_tag(self, at: int) -> bool:
        return self.html.startswith("<", at) and self.html[at + 1 : at + 2] in _LETTERS

    def _read_markup(self, at: int) -> int:
        """Read the tag or comment that begins here; return its end, after any raw content."""
        if comment := _WHOLE.match(self.html, at):
            self._search(at, comment.end())
            return comment.end()
        tag = _TAG.match(self.html, at)
        end = self._tag_end(tag) if tag else None
        if tag is None or end is None:
            self.unclosed_at = at
            return at
        if tag[1]:
            self.closing[tag[2].lower()] = at
            return end
        return self._read_start_tag(tag[2].lower(), at, end)

    def _tag_end(self, tag: re.Match[str]) -> int | None:
        if tag[3]:
            return tag.end()
        end = _skip(_MORE_OF_A_TAG, self.html, tag.end(), len(self.html))
        return end + 1 if self.html[end : end + 1] == ">" else None

    def _read_start_tag(self, name: str, at: int, end: int) -> int:
        if name in _STRUCTURE:
            self.opened.setdefault(name, end)
        raw_end = self._raw_end(name, at, end)
        if self.finder and raw_end is not None:
            self._take_out(self.finder.in_tag(self.html, name, at, end))
            # Style sheets, and within a drawing, elements.
            self._search(end, raw_end)
        return end if raw_end is None else raw_end

    def _raw_end(self, name: str, at: int, end: int) -> int | None:
        """Return where an element's raw content ends. None: it never does."""
        if name not in _RAW_END:
            return end
        found = _RAW_END[name].search(self.html, end)
        if found is None:
            self.unclosed_at = at
            return None
        return found.start()

    def _search(self, start: int, end: int) -> None:
        if self.finder and start < end:
            self._take_out(self.finder.anywhere(self.html, start, end))

    def _take_out(self, found: Iterable[Tracked]) -> None:
        for one in found:
            self.edits.append(one.edit)
            self.removed.update(one.counts)
