"""A safe display name for a mail's author, in which no name can pass for an address."""

import re
from collections.abc import Iterator

from emails.mime.fields import decoded
from emails.values.addresses import Mailbox, read_mailboxes

_MAX_NAME = 70
_MAX_ADDRESS = 254  # RFC 5321, 4.5.3.1.3

# Invisible characters, those that override the writing direction, and those that quote an address.
_UNSAFE = re.compile('[\u200b\u202a-\u202e\u2060-\u2069\ufeff\u00ad<>"\\\\]+')
_BLANKS = re.compile(r"\s+")


def authors(value: bytes) -> list[Mailbox]:
    """Read the authors in a header's value. Non-ASCII octets are read as Latin-1."""
    return read_mailboxes(value.decode("latin-1"))


def label(box: Mailbox) -> str:
    """Format an author for use in a display name: `Ann <ann@sender.example>`.

    The address is always included, unless it is longer than any address: part of it could be
    another one. A name with an `@` is left out, because some mail programs show only the name.
    """
    return _joined(_shortened(_name_of(box), _MAX_NAME), _address_of(box))


def shorter(box: Mailbox) -> Iterator[str]:
    """Yield ever shorter labels: a shorter name, the address alone, nothing."""
    name, address = _name_of(box), _address_of(box)
    for length in range(min(len(name), _MAX_NAME) - 1, 1, -1):
        yield _joined(_shortened(name, length), address)
    yield address
    yield ""


def _name_of(box: Mailbox) -> str:
    name = _sanitized(box.name.encode("latin-1", "replace"))
    return "" if "@" in name or "\uff20" in name else name


def _address_of(box: Mailbox) -> str:
    address = _sanitized(box.address.encode("latin-1", "replace"))
    return address if len(address) <= _MAX_ADDRESS else ""


def _shortened(name: str, length: int) -> str:
    return name if len(name) <= length else name[: length - 1].rstrip() + "…"


def _joined(name: str, address: str) -> str:
    return f"{name} <{address}>" if name and address else name or address


def _sanitized(raw: bytes) -> str:
    return _BLANKS.sub(" ", _UNSAFE.sub(" ", decoded(raw))).strip()
