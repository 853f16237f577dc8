"""Addresses that stand for the organizers of meetings, so that owners' calendars answer us. Pure.

An answer quotes no mail that we sent, so its address says where it goes: `replies+TOKEN@…`. The
token is the same for all mails of an organizer to a mask, since a calendar takes an update only
from the organizer that it knows (RFC 5546, 3.2.2.1). Nobody can guess it, and only the mask's owner
can use it.
"""

from base64 import b32encode
from hashlib import blake2b

from emails.rules.addresses import parse
from runtime.derived_keys import derived_key

_PURPOSE = b"calendar stand-in 1"
_KEY_BYTES = 32
_TOKEN_BYTES = 16
_MAX_LOCAL = 64  # RFC 5321, 4.5.3.1.1


def token_for(organizer: str, mask: str, secret: bytes) -> str | None:
    """Return the token for an organizer. None: they can't be written to."""
    address = parse(organizer)
    if address is None or not str(address).isascii():
        return None
    key = derived_key(secret, _PURPOSE, _KEY_BYTES)
    named = f"{mask.lower()} {address}".encode()
    digest = blake2b(named, key=key, digest_size=_TOKEN_BYTES).digest()
    return b32encode(digest).decode().lower().rstrip("=")


def stand_in(token: str, replies_address: str) -> str:
    """Return the address with this token. Empty: it would be too long."""
    local, _, domain = replies_address.rpartition("@")
    tagged = f"{local}+{token}"
    return f"{tagged}@{domain}" if len(tagged) <= _MAX_LOCAL else ""


def quoted_id(token: str) -> str:
    """Return what the token's reply record is looked up by, in place of a mail's id."""
    return f"{token}@calendar"
