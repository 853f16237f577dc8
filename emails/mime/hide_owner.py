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

Replacer = Callable[[str], str]
"""Returns a text with the owner's addresses replaced."""

# Any tag, up to a character that ends an address; length: RFC 5321 (4.5.3.1.1).
_TAG = r"(?:\+[^\s@<>\"'(),:;\[\]\\]{0,64}?)?"
_GAP = r"\s{0,3}"
_DIVIDED = frozenset("@.-")
"""Next to these, mail programs may break a line, which leaves a blank."""

_WORD_BEFORE = re.compile(r"[A-Za-z0-9][._+-]?\Z")
"""Within a longer word it is another address that ends like this one. What follows is not checked:
rather hide one address too many than one too few."""

_HAS_ESCAPES = re.compile(r"=(?:[2-7][0-9A-Fa-f]|[\r\n])|\\[ux'nrt@._+\"-]")
_KEPT_TAGS = re.compile(r"<!--.*?-->|<wbr\b[^<>]*+>|(<[^<>]*+>)", re.DOTALL | re.IGNORECASE)
_GMAIL = ("gmail.com", "googlemail.com")


def owner_replacer(owner_addresses: Iterable[str], mask: str) -> Replacer:
    """Make a function that replaces the addresses in a text of any kind: plain, HTML, a card."""
    variants = {spelling for address in owner_addresses for spelling in _variants(address)}
    longest_first = sorted(variants - {""}, key=lambda one: (-len(one), one))
    if not longest_first:
        return lambda text: text
    found = re.compile("|".join(longest_first), re.IGNORECASE)

    def hide(text: str) -> str:
        if "<" in text:
            text = _replaced(text, AS_SHOWN, found, mask)
        text = _replaced(text, AS_WRITTEN, found, mask)
        return _replaced(text, WITH_ESCAPES, found, mask) if _HAS_ESCAPES.search(text) else text

    return hide


def _replaced(text: str, pattern: re.Pattern[str], found: re.Pattern[str], mask: str) -> str:
    view = View(text, pattern)
    pieces, at = [], 0
    for match in found.finditer(view.text):
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
    before = view.text[max(0, at - 2) : at]
    return _WORD_BEFORE.search(before) is not None and not view.follows_a_gap(at)


def _spelled_like(found: str, mask: str) -> str:
    """Escape the mask as the address was escaped, so that links still work."""
    if "%2540" in found:
        return mask.replace("@", "%2540")
    if "%40" in found:
        return mask.replace("@", "%40")
    return html.escape(mask) if "&" in found else mask


def _variants(address: str) -> Iterator[str]:
    """Yield patterns for the address, with its domain as given, in ASCII, and in Unicode."""
    local, _, domain = address.rpartition("@")
    local = local.partition("+")[0] or local
    if domain.lower() in _GMAIL:
        letters = r"\.?".join(map(re.escape, local.replace(".", "")))
        yield from (_pattern(letters, one) for one in _GMAIL)
        return
    for spell in (str, _as_ascii, _as_unicode):
        try:
            yield _pattern(_spaced(local), spell(domain))
        except UnicodeError:
            continue


def _pattern(local: str, domain: str) -> str:
    at = f"{_GAP}@{_GAP}{_spaced(domain)}"
    return rf'{local}{_TAG}{at}|"{local}{_TAG}"{at}' if local else at


def _spaced(text: str) -> str:
    return "".join(
        f"{_GAP}{re.escape(one)}{_GAP}" if one in _DIVIDED else re.escape(one) for one in text
    )


def _as_ascii(domain: str) -> str:
    """RFC 5891."""
    return domain.encode("idna").decode()


def _as_unicode(domain: str) -> str:
    return domain.encode("ascii").decode("idna")
