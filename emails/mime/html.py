"""HTML as mail holds it: where its body lies, and the trackers in it. Linear time on any input.

No tree is built, and nothing is written anew but what has to change: mail HTML is often broken, and
each mail program has its own way with that, so what it gets must be what the sender wrote. The text
is read as browsers read it (https://html.spec.whatwg.org/#tokenization), by regular expressions
that find nothing when they step back: alternatives begin with different characters, and a repeated
class of characters is possessive. Tags of no interest are passed over many in one match, so that a
million of them cost no million steps of Python.

A repeated group is never possessive, since Python got that wrong before 3.11.5 (gh-106052). It is
bounded instead: the matcher remembers each round of a group until the match ends. Where a bound is
reached, the next match goes on (`_pass_over`).
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from string import ascii_letters

from emails.mime.trackers import listed_domain

BLANK = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="
"""A transparent picture of one pixel: it is loaded from nowhere."""

_FLAGS = re.IGNORECASE | re.ASCII | re.DOTALL

_MANY = "{1,50}"
"""How often the group is repeated in what `_pass_over` takes."""

_FEW = "{0,30}"
"""How often groups within that are repeated. A tag that needs more is read by itself."""

# The value of an attribute, after the `=` and blanks: something, or nothing before a `>`.
_VALUE = r"""(?:"[^"]*+"|'[^']*+'|[^\s>"'][^\s>]*+|(?=>))"""
_REST = rf"[^>=]*+(?:=\s*+{_VALUE}[^>=]*+){_FEW}"

# The same for a tag without a URL in it, which would have a `//`.
_SLASH = r"[/\\](?![/\\])"
_CALM_VALUE = (
    rf"""(?:"[^"/\\]*+(?:{_SLASH}[^"/\\]*+){_FEW}"|'[^'/\\]*+(?:{_SLASH}[^'/\\]*+){_FEW}'"""
    rf"""|(?=[^\s>"'])[^\s>/\\]*+(?:{_SLASH}[^\s>/\\]*+){_FEW}(?=[\s>])|(?=>))"""
)
_CALM_REST = rf"[^>=/\\]*+(?:(?:{_SLASH}|=\s*+{_CALM_VALUE})[^>=/\\]*+){_FEW}"

_COMMENT = r"!--(?:-?>|.*?--!?>)"
# Outlook reads HTML in a comment that begins so.
_CALM_COMMENT = rf"(?!!--\[if){_COMMENT}"
_DECLARATION = r"(?:!(?!--)|\?|/(?![a-z]))[^>]*+>"

# Elements whose content is no HTML.
_RAW = ("iframe", "noembed", "noframes", "plaintext", "script", "style", "textarea", "title", "xmp")
_STRUCTURE = ("body", "head", "html")
_STOPS = rf"/?(?:{'|'.join([*_STRUCTURE, *_RAW])})(?![^\s/>])"

_WHOLE_COMMENT = re.compile(f"<{_COMMENT}", _FLAGS)
_TAG = re.compile(rf"<(/?)([a-z][^\s/>]*+){_REST}(>?)", _FLAGS)
_MORE_OF_A_TAG = re.compile(rf"(?:[^>=]++|=\s*+{_VALUE}){_MANY}", _FLAGS)
_RAW_END = {name: re.compile(rf"</{name}(?![^\s/>])", _FLAGS) for name in _RAW}
_PROLOGUE = re.compile(rf"\ufeff?(?:\s*+<(?:!doctype|\?xml)[^>]*+>){_FEW}", _FLAGS)
_NO_TEXT = re.compile(rf"(?:\s++|<[^>]*+>){_MANY}")
_AND = "&(?!quot;|apos;|#39;)"
_URL = re.compile(
    r"(\b(?:href|action)\s*+=\s*+([\"']?+)\s*+)?"
    rf"(?:https?:)?[/\\]{{2}}([^\s\"'<>/\\?#)&]++)[^\s\"'<>)&]*+(?:{_AND}[^\s\"'<>)&]*+){_FEW}",
    _FLAGS,
)
_MORE_OF_A_URL = re.compile(rf"(?:{_AND}[^\s\"'<>)&]*+){_MANY}", _FLAGS)
_VALUE_ENDS = {
    '"': re.compile(r'[^"]*+'),
    "'": re.compile(r"[^']*+"),
    "": re.compile(r"[^\s>]*+"),
}
_LETTERS = frozenset(ascii_letters)
_LINKING = frozenset({"a", "area", "form"})


def _boring(rest: str, comment: str) -> re.Pattern[str]:
    """Match text, declarations, and such comments and tags of such a rest as there are.

    It stops at tags of the structure, at raw elements, and at what never ends.
    """
    tag = rf"(?!{_STOPS})/?[a-z][^\s/>]*+{rest}>"
    return re.compile(
        rf"(?:[^<]++|<(?:{tag}|{comment}|{_DECLARATION}|(?![a-z/!?]))){_MANY}", _FLAGS
    )


_TO_STRUCTURE = _boring(_REST, _COMMENT)
_TO_STRUCTURE_OR_URL = _boring(_CALM_REST, _CALM_COMMENT)


def _pass_over(pattern: re.Pattern[str], text: str, start: int, end: int) -> int:
    """Give where all that the pattern matches, one match behind the other, ends."""
    while found := pattern.match(text, start, end):
        start = found.end()
    return start


@dataclass(frozen=True, slots=True)
class Edit:
    """Text that takes the place of `[start, end)`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Page:
    """HTML that was looked through: what to change in it, and where its body begins and ends.

    `removed` counts the trackers, by their domain on the list.
    """

    html: str
    edits: tuple[Edit, ...]
    header_at: int
    footer_at: int
    removed: Mapping[str, int]

    def around(self, header: str, footer: str) -> str:
        """Give the HTML without its trackers, with a header and a footer inside its body."""
        edits = [
            Edit(self.header_at, self.header_at, header),
            *self.edits,
            Edit(self.footer_at, self.footer_at, footer),
        ]
        pieces, at = [], 0
        for edit in sorted(edits, key=lambda edit: edit.start):
            pieces += [self.html[at : edit.start], edit.text]
            at = edit.end
        return "".join([*pieces, self.html[at:]])


def look_through(html: str, trackers: frozenset[str], warning_url: str) -> Page:
    """Find where the body begins and ends, and the trackers.

    A link to a tracker leads to `warning_url` from then on, whatever it was: the page there learns
    nothing of the mail. A picture, or anything else that is loaded, becomes blank.
    """
    reader = _Reader(html, trackers, escape(warning_url or "#"))
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
    trackers: frozenset[str]
    warning: str
    edits: list[Edit] = field(default_factory=list)
    removed: Counter[str] = field(default_factory=Counter)
    opened: dict[str, int] = field(default_factory=dict)  # where the first such tag ends
    closing: dict[str, int] = field(default_factory=dict)  # where the last such tag begins
    torn_at: int = 0  # where that begins which never ends

    def read(self) -> None:
        over = _TO_STRUCTURE_OR_URL if self.trackers else _TO_STRUCTURE
        at, self.torn_at = 0, len(self.html)
        while at < self.torn_at:
            passed = over.match(self.html, at)
            at = passed.end() if passed else at
            # Elsewhere it may have stopped for having matched enough.
            if passed is None or self._is_tag(at):
                at = self._read_markup(at)
        if self.trackers:
            # No browser reads on here, but who knows what another program makes of it.
            self._take_trackers("", self.torn_at, len(self.html))

    def header_at(self) -> int:
        if (head := self.closing.get("head")) is not None and "body" not in self.opened:
            end = self.html.find(">", head) + 1
            return end if 0 < end <= self.torn_at else head
        prologue = _PROLOGUE.match(self.html)
        start = prologue.end() if prologue else 0
        return self.opened.get("body", self.opened.get("html", start))

    def footer_at(self) -> int:
        end = self.closing.get("body", self.closing.get("html", self.torn_at))
        # Text that stands behind the body, such as a mailing list's, is shown as its last lines.
        is_last = _pass_over(_NO_TEXT, self.html, end, self.torn_at) == self.torn_at
        return end if is_last else self.torn_at

    def _is_tag(self, at: int) -> bool:
        return self.html.startswith("<", at) and self.html[at + 1 : at + 2] in _LETTERS

    def _read_markup(self, at: int) -> int:
        """Read the tag or comment that begins here; give where it ends, with what is raw in it."""
        if comment := _WHOLE_COMMENT.match(self.html, at):
            self._take_trackers("a", at, comment.end())
            return comment.end()
        tag = _TAG.match(self.html, at)
        end = self._tag_end(tag) if tag else None
        if tag is None or end is None:
            self.torn_at = at
            return at
        if tag[1]:
            self.closing[tag[2].lower()] = at
            return end
        return self._read_start_tag(tag[2].lower(), at, end)

    def _tag_end(self, tag: re.Match[str]) -> int | None:
        if tag[3]:
            return tag.end()
        end = _pass_over(_MORE_OF_A_TAG, self.html, tag.end(), len(self.html))
        return end + 1 if self.html[end : end + 1] == ">" else None

    def _read_start_tag(self, name: str, at: int, end: int) -> int:
        if name in _STRUCTURE:
            self.opened.setdefault(name, end)
        raw_end = self._raw_end(name, at, end)
        if self.trackers:
            self._take_trackers(name, at, raw_end if name == "style" else end)
        return raw_end

    def _raw_end(self, name: str, at: int, end: int) -> int:
        if name not in _RAW_END:
            return end
        found = _RAW_END[name].search(self.html, end)
        if found is None:
            self.torn_at = at
            return end
        return found.start()

    def _take_trackers(self, name: str, start: int, end: int) -> None:
        at = start
        while url := _URL.search(self.html, at, end):
            at = _pass_over(_MORE_OF_A_URL, self.html, url.end(), end)
            domain = listed_domain(url[3], self.trackers)
            if domain is None:
                continue
            self.removed[domain] += 1
            if url[1] is not None and name in _LINKING:
                begin = url.end(1)
                value = _VALUE_ENDS[url[2]].match(self.html, at, end)
                self.edits.append(Edit(begin, value.end() if value else at, self.warning))
            else:
                begin = url.start() if url[1] is None else url.end(1)
                self.edits.append(Edit(begin, at, BLANK))
