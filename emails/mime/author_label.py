"""A safe display name for a mail's author, in which no name can pass for an address or a domain."""

import re
from collections.abc import Iterator

from emails.mime.fields import decoded
from emails.values.addresses import Mailbox, read_mailboxes

_MAX_NAME = 70
_MAX_ADDRESS = 254  # RFC 5321, 4.5.3.1.3

# Invisible characters, those that override the writing direction, and those that quote an address.
_UNSAFE = re.compile('[\u200b\u202a-\u202e\u2060-\u2069\ufeff\u00ad<>"\\\\]+')
_BLANKS = re.compile(r"\s+")
_PLAIN = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9._-]{1,189}")
_AT_SIGNS = frozenset("@\ufe6b\uff20")
# All that browsers take for the dot of a domain (UTS #46), and one that looks like it.
_DOTS = ".\u2024\u3002\uff0e\uff61"
_DOT_IN_A_WORD = re.compile(rf"(?<=\S)([{_DOTS}])(?=[^\s\d{_DOTS}])")
_PUNCTUATION = "'(),;:!?|" + _DOTS


def authors(value: bytes) -> tuple[Mailbox, ...]:
    """Read the authors in a header's value. Non-ASCII octets are read as Latin-1."""
    return read_mailboxes(value.decode("latin-1"))


def label(box: Mailbox) -> str:
    """Format an author for use in a display name: `Ann <ann@sender.example>`.

    The address is always included, unless it is longer than any address: part of it could be
    another one. Of one whose local part holds an address or blanks, only the domain is. Empty for
    an address that was only guessed, such as one in quotes. A name with an `@` is left out, because
    some mail programs show only the name; one that looks like somebody else's domain gets a blank.
    """
    if box.is_guess:
        return ""
    return _joined(_shortened(_name_of(box), _MAX_NAME), _address_of(box))


def is_plain(box: Mailbox) -> bool:
    """Return whether the address is one that can stand by itself in a field: ASCII, unquoted."""
    return not box.is_guess and _PLAIN.fullmatch(box.address) is not None


def shorter(box: Mailbox) -> Iterator[str]:
    """Yield ever shorter labels: a shorter name, the address alone, nothing."""
    if box.is_guess:
        yield ""
        return
    name, address = _name_of(box), _address_of(box)
    for length in range(min(len(name), _MAX_NAME) - 1, 1, -1):
        yield _joined(_shortened(name, length), address)
    yield address
    yield ""


def _name_of(box: Mailbox) -> str:
    name = _sanitized(box.name.encode("latin-1", "replace"))
    if not _AT_SIGNS.isdisjoint(name):
        return ""
    domain = box.address.rpartition("@")[2].lower()
    return " ".join(
        word if _is_within(domain, word) else _DOT_IN_A_WORD.sub(r"\1 ", word)
        for word in name.split(" ")
    )


def _is_within(domain: str, word: str) -> bool:
    """Return whether the word is the domain or a parent of it, as in `Shop.example`."""
    other = word.strip(_PUNCTUATION).lower()
    return f".{domain}".endswith(f".{other}")


def _address_of(box: Mailbox) -> str:
    address = _sanitized(box.address.encode("latin-1", "replace"))
    if sum(map(address.count, _AT_SIGNS)) > 1 or " " in address:
        address = address.rpartition("@")[2].strip()
    return address if len(address) <= _MAX_ADDRESS else ""


def _shortened(name: str, length: int) -> str:
    return name if len(name) <= length else name[: length - 1].rstrip() + "…"


def _joined(name: str, address: str) -> str:
    return f"{name} <{address}>" if name and address else name or address


def _sanitized(raw: bytes) -> str:
    return _BLANKS.sub(" ", _UNSAFE.sub(" ", decoded(raw))).strip()
