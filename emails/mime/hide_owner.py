"""Replaces an owner's real address by the mask, in whatever spelling it stands in a text.

Mail programs quote the address they sent to, link it, and put it into calendar entries and
attached mails; each of these has its own way to write `@` and the rest. With an address that has no
`+tag` goes every one that has: both lead to the same mailbox.
"""

import html
import re
from collections.abc import Callable, Iterable

# Of any spelling, but without what ends an address; as long as RFC 5321 (4.5.3.1.1) lets it be.
_TAG = r"[^\s@<>\"'(),:\[\]\\]{0,64}?"

HideOwner = Callable[[str], str]
"""A text in, the text without the owner's addresses out."""

_NAMED = {
    "@": ("&commat;",),
    ".": ("&period;",),
    "+": ("&plus;",),
    "_": ("&lowbar;", "&UnderBar;"),
    "-": ("&hyphen;", "&dash;"),
}
# Where a line may break, though nothing is seen there.
_BREAK = r"(?:<wbr ?/?>|&shy;|&#8203;|\u200b|\u00ad)?"

# Within a longer word it is another address, which happens to end like this one. What follows
# does not count: better one address too many is hidden than one too few.
_BEFORE = r"(?:(?<![A-Za-z0-9])(?<![A-Za-z0-9][._+-])|(?<=%[0-9A-Fa-f]{2}))"


def hide_owner(owner_addresses: Iterable[str], mask: str) -> HideOwner:
    """Make what replaces each of the addresses: plain, percent-encoded, as HTML entities.

    One pass over the text, with one regular expression that has nothing to go back for: each
    character has a few spellings, of a bounded length.
    """
    spelled = {spelling for address in owner_addresses for spelling in _with_its_domain(address)}
    longest_first = sorted(spelled - {""}, key=lambda one: (-len(one), one))
    pattern = "|".join(map(_pattern, longest_first))
    if not pattern:
        return lambda text: text
    found = re.compile(rf"{_BEFORE}(?:{pattern})", re.IGNORECASE)
    return lambda text: found.sub(lambda match: _like(match[0], mask), text)


def _with_its_domain(address: str) -> Iterable[str]:
    """Spell an international domain both ways: RFC 5891."""
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
    """Match an address; one that has no `+tag`, with any."""
    local, at, domain = ("".join(map(_spellings, part)) for part in address.rpartition("@"))
    tag = "" if "+" in address.rpartition("@")[0] else f"(?:{_spellings('+')}{_TAG})?"
    return f"{local}{tag}{at}{domain}"


def _spellings(character: str) -> str:
    code = ord(character)
    escapes = "".join(f"(?:%(?:25){{0,2}}|=){octet:02x}" for octet in character.encode())
    ways = [re.escape(character), f"&#0{{0,6}}{code}(?:;|(?![0-9]))", escapes]
    ways += [f"&#x0{{0,6}}{code:x}(?:;|(?![0-9a-f]))", *map(re.escape, _NAMED.get(character, ()))]
    spelled = f"(?:{'|'.join(ways)})"
    return f"{_BREAK}{spelled}{_BREAK}" if character in "@." else spelled


def _like(found: str, mask: str) -> str:
    """Spell the mask as the address was: in a link it stays a link."""
    if "%2540" in found:
        return mask.replace("@", "%2540")
    if "%40" in found:
        return mask.replace("@", "%40")
    return html.escape(mask) if "&" in found else mask
