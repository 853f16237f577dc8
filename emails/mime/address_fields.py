"""Fields of addresses, such as `From`, written anew: only names are encoded (RFC 2047, 5)."""

import re
from collections.abc import Callable

from emails.mime.fields import decoded, encoded
from emails.values.addresses import MAX_VALUE, Mailbox, read_mailboxes

ADDRESS_FIELDS = frozenset(
    {"bcc", "cc", "disposition-notification-to", "errors-to", "from", "mail-followup-to"}
    | {"reply-to", "return-receipt-to", "sender", "to"}
    | {f"resent-{name}" for name in ("bcc", "cc", "from", "reply-to", "sender", "to")}
)

_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")
_ADDRESS = re.compile(r"\"[ -;=?-~]{1,300}\"@[!-;=?-~]{1,255}|[!-;=?-~]{1,320}")
_MAX_BOXES = 20_000
_LONGEST_PHRASE = 400
"""Characters of a name in one line; longer ones are divided as encoded words are."""


def written_addresses(value: bytes, replaced: Callable[[str], str] = str) -> str:
    """Write the mailboxes of a field, one a line. `replaced` changes each name and address."""
    boxes = [box for piece in _pieces(value) for box in read_mailboxes(piece)][:_MAX_BOXES]
    return ",\r\n ".join(_written(box, replaced) for box in boxes)


def _pieces(value: bytes) -> list[str]:
    """Cut a value of thousands of mailboxes into pieces that are read, between two mailboxes."""
    text, pieces, at = value.decode("latin-1"), [], 0
    while len(text) - at > MAX_VALUE:
        cut = text.rfind(">,", at, at + MAX_VALUE - 1) + 1 or text.rfind(",", at, at + MAX_VALUE)
        end = cut + 1 if cut > at else at + MAX_VALUE
        pieces.append(text[at:end].rstrip(","))
        at = end
    return [*pieces, text[at:]]


def _written(box: Mailbox, replaced: Callable[[str], str]) -> str:
    name = replaced(_decoded(box.name))
    address = replaced(_decoded(box.address))
    if not address:
        return _phrase(name)
    address = with_ascii_domain(address)
    if not _ADDRESS.fullmatch(address):
        # Only a group's name can hold an address that isn't ASCII: RFC 6857, 3.1.
        return f"{encoded(f'{name} {address}'.strip())} :;"
    return f"{_phrase(name)} <{address}>" if name else address


def _phrase(name: str) -> str:
    if not name.isascii() or "=?" in name or len(name) > _LONGEST_PHRASE:
        return encoded(name)
    if _ATOMS.fullmatch(name):
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def with_ascii_domain(address: str) -> str:
    """Return an address, or an id, with its domain in ASCII (RFC 5891), if it has such a form."""
    local, at, domain = address.rpartition("@")
    if domain.isascii():
        return address
    try:
        return f"{local}{at}{domain.encode('idna').decode()}"
    except UnicodeError:
        return address


def _decoded(text: str) -> str:
    """Decode what `read_mailboxes` read as Latin-1."""
    return decoded(text.encode("latin-1", "replace"), keeps_unread=True)
