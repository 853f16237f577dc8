"""Finds trackers in a piece of HTML, and what to put in their place.

Only the values of attributes and style sheets are read as browsers read them (`spellings.py`,
`web_urls.py`), whatever the attribute is called: which ones are loaded, each mail program decides.
"""

import re
from binascii import Error, a2b_base64
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from emails.mime.fields import percent_encoded
from emails.mime.spellings import readings, unescaped
from emails.mime.trackers import listed_domain
from emails.mime.web_urls import IN_TEXT, host_in, host_of, percent_decoded

BLANK = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="
"""A transparent one-pixel image, which needs no request."""

_ATTRIBUTE = re.compile(
    r"(?<![^\s\"'/<])([^\s=\"'/<>]++)\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s>\"'][^\s>]*+))"
)
_ODD = re.compile(r"=(?<=[\s\"'/]=)")  # begins with a literal: many times faster to search for
"""Maybe a `=` without a name before it: browsers take it, and a quote after it, for a name."""

_TAG = re.compile(r"<([a-z][^\s/>]*+)", re.IGNORECASE)
_LINKED = re.compile(r"=\"(?i:https?)://([A-Za-z0-9.-]++)", re.ASCII)
_USUAL = re.compile(r"https?://([a-z0-9.-]++)(?=[/?#]|\Z)", re.IGNORECASE)
_LEADS = re.compile(r"[/\\&]|:")
_URLS = frozenset(
    {"action", "background", "cite", "codebase", "data", "formaction", "href", "icon", "longdesc"}
    | {"lowsrc", "dynsrc", "manifest", "poster", "src", "xlink:href", "xml:base"}
)
"""Attributes that hold one URL."""

_LINKS = frozenset({"href", "xlink:href", "action"})
_LINKING = frozenset({"a", "area", "form"})
_OUTLOOK = "v:"  # its shapes may be links, as in buttons
_DATA = re.compile(r"\s*data:([^,]*+),(.*)", re.IGNORECASE | re.DOTALL)
_DOCUMENT = re.compile(r"html|xml|css")
_NOT_IN_URLS = re.compile(r"[\x00-\x20]+")  # browsers ignore them
_MAX_TARGET = 2_000
_MAX_DEPTH = 3
"""Documents within documents (`srcdoc`) that are read; deeper ones are left out."""


@dataclass(frozen=True, slots=True)
class Edit:
    """Replaces `[start, end)` by `text`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Tracked:
    """A tracker, and the edit that removes it. `counts`: of each domain, how many it removes."""

    edit: Edit
    counts: Mapping[str, int]


ReadDocument = Callable[[str, int], tuple[str, Mapping[str, int]]]
"""Removes the trackers of a document at this depth; returns it, and how many of each domain."""


class TrackerFinder:
    """Finds what leads to one of `trackers`. Links lead to the page `warning` instead."""

    def __init__(
        self, trackers: frozenset[str], warning: str, read_document: ReadDocument, depth: int
    ) -> None:
        self._trackers = trackers
        self._warning = warning
        self._read_document = read_document
        self._depth = depth
        self._known: dict[str, str | None] = {}

    def hosts_in(self, html: str, start: int, end: int) -> list[int]:
        """Return where the hosts of trackers begin, in links as most are written."""
        if not any(map(self._listed_link, set(_LINKED.findall(html, start, end)))):
            return []
        links = _LINKED.finditer(html, start, end)
        return [one.start(1) for one in links if self._listed_link(one[1])]

    def _listed_link(self, host: str) -> str | None:
        return self._listed(host.lower().rstrip("."))

    def in_tag(self, html: str, name: str, start: int, end: int) -> Iterable[Tracked]:
        """Find them in the attributes of a start tag."""
        if _ODD.search(html, start, end):
            return self.anywhere(html, start, end)
        return self._in_attributes(html, name, start, end)

    def anywhere(self, html: str, start: int, end: int) -> list[Tracked]:
        """Find them where not only a browser decides what is a tag or a style sheet."""
        found: list[Tracked] = []
        tags = [(one.start(), one[1].lower()) for one in _TAG.finditer(html, start, end)]
        for (at, name), (stop, _) in pairwise([*tags, (end, "")]):
            found += self._in_attributes(html, name, at, stop)
        found += self._in_text(html[start:end], start)
        return _apart(found)

    def _in_attributes(self, html: str, tag: str, start: int, end: int) -> Iterator[Tracked]:
        for found in _ATTRIBUTE.finditer(html, start, end):
            begin, stop = found.span(found.lastindex or 0)
            name = found[1].lower()
            usual = _USUAL.match(html, begin, stop) if name in _URLS else None
            if usual and not self._listed_link(usual[1]):
                continue
            if _LEADS.search(html, begin, stop):
                yield from self._in_value(tag, name, html[begin:stop], begin)

    def _in_value(self, tag: str, name: str, value: str, start: int) -> Iterator[Tracked]:
        shown = unescaped(value)
        end = start + len(value)
        if name == "srcdoc":
            yield from self._in_document(shown, start, end)
        elif data := _DATA.match(shown):
            yield from self._in_data(data[1].lower(), data[2], start, end)
        elif name not in _URLS:
            yield from _apart(self._in_text(value, start))
        elif domain := self._listed(host_of(shown)):
            is_link = name in _LINKS and (tag in _LINKING or tag.startswith(_OUTLOOK))
            text = self._warning_about(shown) if is_link else BLANK
            yield Tracked(Edit(start, end, text), {domain: 1})

    def _in_document(self, document: str, start: int, end: int) -> Iterator[Tracked]:
        """Find them in a `srcdoc`."""
        if self._depth >= _MAX_DEPTH:
            yield Tracked(Edit(start, end, ""), {})
            return
        rewritten, counts = self._read_document(document, self._depth + 1)
        if rewritten != document:
            yield Tracked(Edit(start, end, escape(rewritten)), counts)

    def _in_data(self, kind: str, content: str, start: int, end: int) -> Iterator[Tracked]:
        """Find them in the document or style sheet that a `data:` URL holds."""
        if not _DOCUMENT.search(kind):
            return
        text = percent_decoded(content)
        if kind.rstrip().endswith("base64"):
            try:
                text = a2b_base64(text.encode()).decode("utf-8", "replace")
            except Error:
                return
        text = f"<style>{text}" if "css" in kind else text
        if self._depth >= _MAX_DEPTH:
            yield Tracked(Edit(start, end, BLANK), {})
            return
        rewritten, counts = self._read_document(text, self._depth + 1)
        if rewritten != text:
            yield Tracked(Edit(start, end, BLANK), counts)

    def _in_text(self, text: str, start: int) -> list[Tracked]:
        """Find URLs within a text, as an attribute and as a style sheet."""
        return [
            Tracked(Edit(start + begin, start + end, BLANK), {domain: 1})
            for reading in readings(text)
            for one, domain in self._listed_in(reading.text)
            for begin, end in (reading.written(*one.span()),)
        ]

    def _listed_in(self, text: str) -> Iterator[tuple[re.Match[str], str]]:
        for one in IN_TEXT.finditer(text):
            if domain := self._listed(host_in(one[1])):
                yield one, domain

    def _listed(self, host: str) -> str | None:
        if host not in self._known:
            self._known[host] = listed_domain(host, self._trackers)
        return self._known[host]

    def _warning_about(self, link: str) -> str:
        """Return what replaces a link. A very long one is left out: nobody could read it."""
        if not self._warning:
            return "#"
        target = _NOT_IN_URLS.sub("", link)
        is_short = len(target) <= _MAX_TARGET
        return escape(self._warning) + (f"#{percent_encoded(target)}" if is_short else "")


def _apart(found: list[Tracked]) -> list[Tracked]:
    """Return those that don't overlap an earlier one: one tracker, read in several ways."""
    apart: list[Tracked] = []
    end = 0
    for one in sorted(found, key=lambda one: one.edit.start):
        if one.edit.start >= end:
            apart.append(one)
            end = one.edit.end
    return apart
