"""Replaces an owner's real address by the mask, in whatever spelling it stands in a text.

Mail programs quote the address they sent to, link it, and put it into calendar entries and
attached mails; each of these has its own way to write `@` and the rest.
"""

import html
import re
from collections.abc import Callable, Iterable

Disguise = Callable[[str], str]
"""A text in, the text without the owner's addresses out."""

_NAMED = {
    "@": ("&commat;",),
    ".": ("&period;",),
    "+": ("&plus;",),
    "_": ("&lowbar;", "&UnderBar;"),
    "-": ("&hyphen;", "&dash;"),
}


def disguise(owner_addresses: Iterable[str], mask: str) -> Disguise:
    """Make what replaces each of the addresses: plain, percent-encoded, as HTML entities.

    One pass over the text, with one regular expression that has nothing to go back for: each
    character has a few spellings, and no repetition but that of leading zeros.
    """
    longest_first = sorted(set(owner_addresses), key=len, reverse=True)
    pattern = "|".join("".join(map(_spellings, address)) for address in longest_first)
    if not pattern:
        return lambda text: text
    # Within a longer word it is another address, which happens to end like this one.
    found = re.compile(rf"(?<![A-Za-z0-9._%+-])(?:{pattern})(?![A-Za-z0-9-])", re.IGNORECASE)
    return lambda text: found.sub(lambda match: _like(match[0], mask), text)


def _spellings(character: str) -> str:
    code = ord(character)
    ways = [re.escape(character), f"&#0{{0,6}}{code};", f"&#x0{{0,6}}{code:x};"]
    ways += ["".join(f"%{octet:02x}" for octet in character.encode())]
    ways += map(re.escape, _NAMED.get(character, ()))
    return f"(?:{'|'.join(ways)})"


def _like(found: str, mask: str) -> str:
    """Spell the mask as the address was: in a link it stays a link."""
    if "%40" in found:
        return mask.replace("@", "%40")
    return html.escape(mask) if "&" in found else mask
