"""Encrypts and decrypts reply records. Pure.

SES gives every mail it sends a Message-ID, and the owner's mail program quotes it in a reply. Only
we, SES and the owner know its local part. From it and from our own secret we derive two keys
(HKDF-SHA256, RFC 5869): a hash to look the record up by, and a key to encrypt it (AES-256-GCM). So
the table alone reveals nothing, and even with the server's secret one needs the forwarded mail.
"""

import json
import os
from dataclasses import asdict, dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from emails.values.threads import Thread

_KEY_BYTES = 32
_NONCE_BYTES = 12


class Unreadable(Exception):
    """The record was written with another key, or was modified."""


@dataclass(frozen=True, slots=True)
class ReplyKeys:
    """A record's lookup hash and its encryption key. Neither can be derived from the other."""

    lookup: str
    encryption: bytes


@dataclass(frozen=True, slots=True)
class ReplyRecord:
    """What lets an owner reply: a row of `emails_reply`."""

    lookup: str
    metadata: bytes


def derive(message_id: str, secret: bytes) -> ReplyKeys:
    """Derive the keys from a Message-ID: `<id@host>`, or the bare id that SES returns."""
    local, _, _ = message_id.strip().strip("<>").partition("@")
    derived = HKDF(
        algorithm=SHA256(), length=2 * _KEY_BYTES, salt=secret, info=b"reply record 1"
    ).derive(local.encode("utf-8", errors="replace"))
    return ReplyKeys(lookup=derived[:_KEY_BYTES].hex(), encryption=derived[_KEY_BYTES:])


def seal(thread: Thread, message_id: str, secret: bytes) -> ReplyRecord:
    """Make the record for a mail that SES sent as `message_id`."""
    keys = derive(message_id, secret)
    return ReplyRecord(keys.lookup, encrypt(thread, keys))


def encrypt(thread: Thread, keys: ReplyKeys) -> bytes:
    """Encrypt a thread. Authenticates the lookup hash too, so rows can't be swapped."""
    nonce = os.urandom(_NONCE_BYTES)
    plain = json.dumps(asdict(thread)).encode()
    return nonce + AESGCM(keys.encryption).encrypt(nonce, plain, keys.lookup.encode())


def decrypt(metadata: bytes, keys: ReplyKeys) -> Thread:
    """Decrypt a record. Raises `Unreadable`."""
    nonce, sealed = metadata[:_NONCE_BYTES], metadata[_NONCE_BYTES:]
    try:
        plain = AESGCM(keys.encryption).decrypt(nonce, sealed, keys.lookup.encode())
        document = json.loads(plain)
        return Thread(
            correspondent=document["correspondent"],
            message_id=document["message_id"],
            references=tuple(document["references"]),
        )
    except (InvalidTag, ValueError, KeyError) as error:
        raise Unreadable from error
