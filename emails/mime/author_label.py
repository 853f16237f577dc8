"""Who wrote a mail, as its reader may be shown: a name that can't be mistaken for an address."""

import re

from emails.mime.fields import decoded
from emails.values.addresses import Mailbox, read_mailboxes

_MAX_NAME = 70
_MAX_ADDRESS = 254  # RFC 5321, 4.5.3.1.3

# What overrides the direction of writing or can't be seen, and what quotes an address.
_TRICKS = re.compile('[\u200b\u202a-\u202e\u2060-\u2069\ufeff\u00ad<>"\\\\]+')
_BLANKS = re.compile(r"\s+")


def authors(value: bytes) -> list[Mailbox]:
    """Read the authors in a header's value; octets that are not ASCII as Latin-1."""
    return read_mailboxes(value.decode("latin-1"))


def label(box: Mailbox) -> str:
    """Write an author for a display name: `Ann <ann@sender.example>`.

    The address is always there. A name that holds another one, or anything that looks like an
    address, is left out: some programs show the name alone.
    """
    address = _tamed(box.address.encode("latin-1", "replace"))[:_MAX_ADDRESS]
    name = _tamed(box.name.encode("latin-1", "replace"))
    if "@" in name or "\uff20" in name:
        name = ""
    if len(name) > _MAX_NAME:
        name = name[: _MAX_NAME - 1].rstrip() + "…"
    if name and address:
        return f"{name} <{address}>"
    return name or address


def _tamed(raw: bytes) -> str:
    return _BLANKS.sub(" ", _TRICKS.sub(" ", decoded(raw))).strip()
