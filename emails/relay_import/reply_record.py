"""Reads the predecessor's reply records. Pure.

The id that SES gave the forwarded mail, which a reply quotes, is the only secret: HKDF-Expand
(RFC 5869, 2.3) makes of it the key of the lookup and that of the encryption. The record is a
compact JWE (RFC 7516): `dir`, AES-256-GCM, its header as the additional data.
"""

import base64
import binascii
import json
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from emails.rules.addresses import addresses_in, parse
from emails.values.threads import Thread, ids_in

_HEADER = {"alg": "dir", "enc": "A256GCM"}


class Unreadable(Exception):
    """The record was written with another key, or is damaged, or names nobody to answer."""


@dataclass(frozen=True, slots=True)
class OldKeys:
    """What a record is looked up by, and its encryption key."""

    lookup: str
    encryption: bytes


def derive(message_id: str) -> OldKeys:
    """Derive the keys from a Message-ID: `<id@host>`, or the bare id."""
    local, _, _ = message_id.strip().strip("<>").partition("@")
    secret = local.encode("ascii", errors="replace")
    lookup = _expand(secret, b"replay replies lookup key", 16)
    encryption = _expand(secret, b"replay replies encryption key", 32)
    return OldKeys(base64.urlsafe_b64encode(lookup).decode(), encryption)


def read(metadata: str, keys: OldKeys) -> Thread:
    """Decrypt a record. Raises `Unreadable`."""
    try:
        header, _, nonce, sealed, tag = metadata.split(".")
        protected = json.loads(_decoded(header))
        if not isinstance(protected, dict) or protected.items() < _HEADER.items():
            raise Unreadable
        text = _decoded(sealed) + _decoded(tag)
        plain = AESGCM(keys.encryption).decrypt(_decoded(nonce), text, header.encode("ascii"))
        return _thread(json.loads(plain))
    except (InvalidTag, ValueError, RecursionError) as error:
        raise Unreadable from error


def write(fields: dict[str, str], message_id: str, nonce: bytes) -> tuple[str, str]:
    """Make a record as the predecessor does: its lookup, and its text. For tests and drills."""
    keys, header = derive(message_id), _encoded(json.dumps(_HEADER).encode())
    sealed = AESGCM(keys.encryption).encrypt(nonce, json.dumps(fields).encode(), header.encode())
    parts = (header, "", _encoded(nonce), _encoded(sealed[:-16]), _encoded(sealed[-16:]))
    return keys.lookup, ".".join(parts)


def _thread(fields: object) -> Thread:
    if not isinstance(fields, dict):
        raise Unreadable
    values = {name: value for name, value in fields.items() if isinstance(value, str)}
    candidates = [
        address for name in ("reply-to", "from") for address in addresses_in(values.get(name, ""))
    ]
    correspondent = next((one for one in candidates if one.isascii() and parse(one)), None)
    if correspondent is None:
        raise Unreadable
    message_id = next(iter(ids_in(values.get("message-id", ""))), None)
    return Thread(correspondent=correspondent, message_id=message_id, references=())


def _expand(secret: bytes, info: bytes, length: int) -> bytes:
    return HKDFExpand(algorithm=SHA256(), length=length, info=info).derive(secret)


def _decoded(part: str) -> bytes:
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise Unreadable from error


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
