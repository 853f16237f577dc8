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
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape, unescape
from string import ascii_letters

from emails.mime.fields import percent_encoded
from emails.mime.trackers import listed_domain

BLANK = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="
"""A transparent one-pixel image, which needs no request."""

_FLAGS = re.IGNORECASE | re.ASCII | re.DOTALL

_MANY = "{1,50}"
"""Repetitions of the outer group in patterns for `_skip`."""

_FEW = "{0,30}"
"""Repetitions of inner groups. A tag that needs more is read by itself."""

# An attribute's value, after `=` and blanks. Before a `>` it may be empty.
VALUE = r"""(?:"[^"]*+"|'[^']*+'|[^\s>"'][^\s>]*+|(?=>))"""
_REST = rf"[^>=]*+(?:=\s*+{VALUE}[^>=]*+){_FEW}"

# The same for a tag without a URL, that is, without `//`.
_SLASH = r"[/\\](?![/\\])"
_CALM_VALUE = (
    rf"""(?:"[^"/\\]*+(?:{_SLASH}[^"/\\]*+){_FEW}"|'[^'/\\]*+(?:{_SLASH}[^'/\\]*+){_FEW}'"""
    rf"""|(?=[^\s>"'])[^\s>/\\]*+(?:{_SLASH}[^\s>/\\]*+){_FEW}(?=[\s>])|(?=>))"""
)
_CALM_REST = rf"[^>=/\\]*+(?:(?:{_SLASH}|=\s*+{_CALM_VALUE})[^>=/\\]*+){_FEW}"

COMMENT = r"!--(?:-?>|.*?--!?>)"
# Outlook renders HTML in conditional comments.
_CALM_COMMENT = rf"(?!!--\[if){COMMENT}"
DECLARATION = r"(?:!(?!--)|\?|/(?![a-z]))[^>]*+>"

# Elements whose content is not parsed as HTML.
RAW = ("iframe", "noembed", "noframes", "plaintext", "script", "style", "textarea", "title", "xmp")
_STRUCTURE = ("body", "head", "html")
_STOPS = rf"/?(?:{'|'.join([*_STRUCTURE, *RAW])})(?![^\s/>])"

_WHOLE_COMMENT = re.compile(f"<{COMMENT}", _FLAGS)
_TAG = re.compile(rf"<(/?)([a-z][^\s/>]*+){_REST}(>?)", _FLAGS)
_MORE_OF_A_TAG = re.compile(rf"(?:[^>=]++|=\s*+{VALUE}){_MANY}", _FLAGS)
_RAW_END = {name: re.compile(rf"</{name}(?![^\s/>])", _FLAGS) for name in RAW}
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
_NOT_IN_URLS = re.compile(r"[\x00-\x20]+")  # browsers ignore them
_MAX_TARGET = 2_000
_LETTERS = frozenset(ascii_letters)
_LINKING = frozenset({"a", "area", "form"})


def _uninteresting(rest: str, comment: str) -> re.Pattern[str]:
    """Match text, declarations, comments like `comment`, and tags whose attributes match `rest`.

    The match stops before structural tags, raw elements, and tags or comments that never end.
    """
    tag = rf"(?!{_STOPS})/?[a-z][^\s/>]*+{rest}>"
    return re.compile(rf"(?:[^<]++|<(?:{tag}|{comment}|{DECLARATION}|(?![a-z/!?]))){_MANY}", _FLAGS)


_TO_STRUCTURE = _uninteresting(_REST, COMMENT)
_TO_STRUCTURE_OR_URL = _uninteresting(_CALM_REST, _CALM_COMMENT)


def _skip(pattern: re.Pattern[str], text: str, start: int, end: int) -> int:
    """Match the pattern as often as possible; return the end of the last match."""
    while found := pattern.match(text, start, end):
        start = found.end()
    return start


@dataclass(frozen=True, slots=True)
class Edit:
    """Replaces `[start, end)` by `text`."""

    start: int
    end: int
    text: str


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
    reader = _Reader(html, trackers, warning_url)
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
    opened: dict[str, int] = field(default_factory=dict)  # end of the first opening tag, by name
    closing: dict[str, int] = field(default_factory=dict)  # start of the last closing tag, by name
    unclosed_at: int = 0  # start of the first tag or comment that never ends; else the length

    def read(self) -> None:
        uninteresting = _TO_STRUCTURE_OR_URL if self.trackers else _TO_STRUCTURE
        at, self.unclosed_at = 0, len(self.html)
        while at < self.unclosed_at:
            skipped = uninteresting.match(self.html, at)
            at = skipped.end() if skipped else at
            # If it stopped elsewhere than at a tag, it reached its bound: match again.
            if skipped is None or self._is_tag(at):
                at = self._read_markup(at)
        if self.trackers:
            # Browsers ignore the rest, but another program may not.
            self._remove_trackers("", self.unclosed_at, len(self.html))

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
        if comment := _WHOLE_COMMENT.match(self.html, at):
            self._remove_trackers("a", at, comment.end())
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
        if self.trackers:
            self._remove_trackers(name, at, raw_end if name == "style" else end)
        return raw_end

    def _raw_end(self, name: str, at: int, end: int) -> int:
        if name not in _RAW_END:
            return end
        found = _RAW_END[name].search(self.html, end)
        if found is None:
            self.unclosed_at = at
            return end
        return found.start()

    def _remove_trackers(self, name: str, start: int, end: int) -> None:
        at = start
        while url := _URL.search(self.html, at, end):
            at = _skip(_MORE_OF_A_URL, self.html, url.end(), end)
            domain = listed_domain(url[3], self.trackers)
            if domain is None:
                continue
            self.removed[domain] += 1
            if url[1] is not None and name in _LINKING:
                begin = url.end(1)
                value = _VALUE_ENDS[url[2]].match(self.html, at, end)
                end_of_value = value.end() if value else at
                link = self._warning_about(self.html[begin:end_of_value])
                self.edits.append(Edit(begin, end_of_value, link))
            else:
                begin = url.start() if url[1] is None else url.end(1)
                self.edits.append(Edit(begin, at, BLANK))

    def _warning_about(self, link: str) -> str:
        """Return what replaces a link. A very long one is left out: nobody could read it."""
        if not self.warning:
            return "#"
        target = _NOT_IN_URLS.sub("", unescape(link))
        is_short = len(target) <= _MAX_TARGET
        return escape(self.warning) + (f"#{percent_encoded(target)}" if is_short else "")
