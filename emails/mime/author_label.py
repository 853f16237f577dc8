"""A safe display name for a mail's author, in which no name can pass for an address."""

import re

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

    The address is always included. A name with an `@` is left out, because some mail programs show
    only the name.
    """
    address = _sanitized(box.address.encode("latin-1", "replace"))[:_MAX_ADDRESS]
    name = _sanitized(box.name.encode("latin-1", "replace"))
    if "@" in name or "\uff20" in name:
        name = ""
    if len(name) > _MAX_NAME:
        name = name[: _MAX_NAME - 1].rstrip() + "…"
    if name and address:
        return f"{name} <{address}>"
    return name or address


def _sanitized(raw: bytes) -> str:
    return _BLANKS.sub(" ", _UNSAFE.sub(" ", decoded(raw))).strip()
