"""Replaces an owner's real address with the mask in a text, however it is written.

Mail programs quote the address, link to it, wrap it, divide it by tags, and put it into calendar
entries and attached mails. So it is searched for in *views* of the text (`views.py`), as a reader
or a program sees it. Its variants with any `+tag` are replaced, too, since they reach the same
mailbox; at Gmail, so do those with other dots.
"""

import html
import re
from collections.abc import Callable, Iterable, Iterator

from emails.mime.views import AS_SHOWN, AS_WRITTEN, WITH_ESCAPES, View
from emails.mime.windows import find_all
from emails.values.domains import to_ascii, to_unicode

Replacer = Callable[[str], str]
"""Returns a text with the owner's addresses replaced."""

# Any tag, up to a character that ends an address; length: RFC 5321 (4.5.3.1.1).
_TAG = r"(?:\+[^\s@<>\"'(),:;\[\]\\]{0,64}?)?"
_GAP = r"\s{0,3}"
_LONGEST_TAG = 80
_LONGEST_DOMAIN = 2_000  # with gaps
_LONGEST_SPAN = 1 << 17  # searched at once

_DIVIDED = frozenset("@.-")
"""Next to these, mail programs may break a line, which leaves a blank."""

_WORD_BEFORE = re.compile(r"[A-Za-z]\Z|[A-Za-z0-9][_+-]\Z|[A-Za-z0-9]{2}\.\Z")
"""Within a longer word it is another address that ends like this one. A number before it, or one
letter with a dot, may be a list's. What follows is not checked: rather hide one address too many
than one too few."""

_HAS_ESCAPES = re.compile(r"=(?:[2-7][0-9A-Fa-f]|[\r\n])|\\[ux'nrt@._+\"-]")
_KEPT_TAGS = re.compile(r"<!--.*?-->|<wbr\b[^<>]*+>|(<[^<>]*+>)", re.DOTALL | re.IGNORECASE)
_GMAIL = ("gmail.com", "googlemail.com")


def owner_replacer(owner_addresses: Iterable[str], mask: str) -> Replacer:
    """Make a function that replaces the addresses in a text of any kind: plain, HTML, a card."""
    variants = {one for address in owner_addresses if address for one in _variants(address)}
    if not variants:
        return lambda text: text
    finder = _Finder(variants)

    def hide(text: str) -> str:
        if "<" in text:
            text = _replaced(text, AS_SHOWN, finder, mask)
        text = _replaced(text, AS_WRITTEN, finder, mask)
        return _replaced(text, WITH_ESCAPES, finder, mask) if _HAS_ESCAPES.search(text) else text

    return hide


class _Finder:
    """Finds addresses in a text, each given as patterns of its local part and of the rest.

    First come the domains, which are rare. Before each, a few characters are searched for the local
    part: at each place where that may begin, a tag of 64 characters may follow.
    """

    def __init__(self, variants: Iterable[tuple[str, str]]) -> None:
        longest_first = sorted(variants, key=lambda one: (-len(one[0] + one[1]), one))
        domains = sorted({domain for _, domain in longest_first}, key=lambda one: (-len(one), one))
        self._domain = re.compile("|".join(domains), re.IGNORECASE)
        self._whole = re.compile("|".join(map("".join, longest_first)), re.IGNORECASE)
        self._before = _LONGEST_TAG + 8 * max(len(local) for local, _ in longest_first)

    def find(self, text: str) -> Iterator[re.Match[str]]:
        at = 0
        for start, end in self._spans(text):
            for found in self._whole.finditer(text, max(at, start), end):
                yield found
                at = found.end()

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield where addresses may be, in order; those that overlap, as one."""
        begin = stop = -1
        for found in find_all(self._domain, text, _LONGEST_DOMAIN):
            start = max(0, found.start() - self._before)
            if stop >= 0 and (start > stop or stop - begin > _LONGEST_SPAN):
                yield begin, stop
                begin = start
            begin, stop = (begin if begin >= 0 else start), found.end()
        if stop >= 0:
            yield begin, stop


def _replaced(text: str, pattern: re.Pattern[str], finder: _Finder, mask: str) -> str:
    view = View(text, pattern)
    pieces, at = [], 0
    for match in finder.find(view.text):
        if _is_part_of_a_word(view, match.start()):
            continue
        start, _ = view.original_span(match.start())
        _, end = view.original_span(match.end() - 1)
        if start < at:  # one piece that shows several characters
            start = at
        written = text[start:end]
        tags = "".join(_KEPT_TAGS.findall(written)) if pattern is AS_SHOWN else ""
        pieces += [text[at:start], _spelled_like(written, mask), tags]
        at = end
    return "".join([*pieces, text[at:]]) if pieces else text


def _is_part_of_a_word(view: View, at: int) -> bool:
    before = view.text[max(0, at - 3) : at]
    return _WORD_BEFORE.search(before) is not None and not view.follows_a_gap(at)


def _spelled_like(found: str, mask: str) -> str:
    """Escape the mask as the address was escaped, so that links still work."""
    if "%2540" in found:
        return mask.replace("@", "%2540")
    if "%40" in found:
        return mask.replace("@", "%40")
    return html.escape(mask) if "&" in found else mask


def _variants(address: str) -> Iterator[tuple[str, str]]:
    """Yield patterns for the address, with its domain as given, in ASCII, and in Unicode."""
    local, _, domain = address.rpartition("@")
    local = local.partition("+")[0] or local
    if domain.lower() in _GMAIL:
        letters = r"\.?".join(map(re.escape, local.replace(".", "")))
        for one in _GMAIL:
            yield from _patterns(letters, one)
        return
    for spelled in filter(None, (domain, to_ascii(domain), to_unicode(domain))):
        yield from _patterns(_spaced(local), spelled)


def _patterns(local: str, domain: str) -> Iterator[tuple[str, str]]:
    at = f"{_GAP}@{_GAP}{_spaced(domain)}"
    yield (f"{local}{_TAG}" if local else "", at)
    if local:
        yield (f'"{local}{_TAG}"', at)


def _spaced(text: str) -> str:
    return "".join(
        f"{_GAP}{re.escape(one)}{_GAP}" if one in _DIVIDED else re.escape(one) for one in text
    )
