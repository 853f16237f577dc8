"""Replaces an owner's real address with the mask in a text, however it is spelled.

Mail programs quote the address, link to it, and put it into calendar entries and attached mails.
Each format escapes `@` and other characters in its own way. An address without a `+tag` also covers
all its variants with one, since they reach the same mailbox.
"""

import html
import re
from collections.abc import Callable, Iterable

# Any spelling, up to a character that ends an address; length: RFC 5321 (4.5.3.1.1).
_TAG = r"[^\s@<>\"'(),:\[\]\\]{0,64}?"

Replacer = Callable[[str], str]
"""Returns a text with the owner's addresses replaced."""

_NAMED_ENTITIES = {
    "@": ("&commat;",),
    ".": ("&period;",),
    "+": ("&plus;",),
    "_": ("&lowbar;", "&UnderBar;"),
    "-": ("&hyphen;", "&dash;"),
}
# Invisible characters and tags that allow a line break.
_BREAK = r"(?:<wbr ?/?>|&shy;|&#8203;|\u200b|\u00ad)?"

# Within a longer word it is another address that ends like this one. What follows is not checked:
# rather hide one address too many than one too few.
_BEFORE = r"(?:(?<![A-Za-z0-9])(?<![A-Za-z0-9][._+-])|(?<=%[0-9A-Fa-f]{2}))"


def owner_replacer(owner_addresses: Iterable[str], mask: str) -> Replacer:
    """Make a function that replaces the addresses: plain, percent-encoded, or as HTML entities.

    It searches the text once, with a single regular expression. Backtracking is bounded: each
    character has a few spellings of limited length.
    """
    variants = {spelling for address in owner_addresses for spelling in _domain_variants(address)}
    longest_first = sorted(variants - {""}, key=lambda one: (-len(one), one))
    pattern = "|".join(map(_pattern, longest_first))
    if not pattern:
        return lambda text: text
    found = re.compile(rf"{_BEFORE}(?:{pattern})", re.IGNORECASE)
    return lambda text: found.sub(lambda match: _spelled_like(match[0], mask), text)


def _domain_variants(address: str) -> Iterable[str]:
    """Yield the address with its domain as given, in ASCII and in Unicode: RFC 5891."""
    yield address
    local, _, domain = address.rpartition("@")
    for other in (_as_ascii, _as_unicode):
        try:
            yield f"{local}@{other(domain)}"
        except UnicodeError:
            continue


def _as_ascii(domain: str) -> str:
    return domain.encode("idna").decode()


def _as_unicode(domain: str) -> str:
    return domain.encode("ascii").decode("idna")


def _pattern(address: str) -> str:
    """Match an address. If it has no `+tag`, match it with any tag, too."""
    local, at, domain = ("".join(map(_spellings, part)) for part in address.rpartition("@"))
    tag = "" if "+" in address.rpartition("@")[0] else f"(?:{_spellings('+')}{_TAG})?"
    return f"{local}{tag}{at}{domain}"


def _spellings(character: str) -> str:
    code = ord(character)
    escapes = "".join(f"(?:%(?:25){{0,2}}|=){octet:02x}" for octet in character.encode())
    named = map(re.escape, _NAMED_ENTITIES.get(character, ()))
    spellings = [re.escape(character), f"&#0{{0,6}}{code}(?:;|(?![0-9]))", escapes]
    spellings += [f"&#x0{{0,6}}{code:x}(?:;|(?![0-9a-f]))", *named]
    pattern = f"(?:{'|'.join(spellings)})"
    return f"{_BREAK}{pattern}{_BREAK}" if character in "@." else pattern


def _spelled_like(found: str, mask: str) -> str:
    """Escape the mask as the address was escaped, so that links still work."""
    if "%2540" in found:
        return mask.replace("@", "%2540")
    if "%40" in found:
        return mask.replace("@", "%40")
    return html.escape(mask) if "&" in found else mask
