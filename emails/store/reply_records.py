"""The keys of reply records, and what is encrypted under them. Pure.

SES gives every mail it sends a Message-ID; owners' clients quote it when they reply. Its local part
is a secret that only we, SES and the owner know. From it, and a secret of our own, two keys are
derived (HKDF-SHA256, RFC 5869): one hash under which the record is found, one key under which it
is encrypted (AES-256-GCM). Whoever has the table alone can read nothing in it; whoever has the
server's secret too still needs the forwarded mail.
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
    """The record was not written under this key, or was changed since."""


@dataclass(frozen=True, slots=True)
class ReplyKeys:
    """Where a record is found, and how it is read. Neither tells the other."""

    lookup: str
    encryption: bytes


@dataclass(frozen=True, slots=True)
class ReplyRecord:
    """What lets an owner reply: a row of `emails_reply`."""

    lookup: str
    metadata: bytes


def derive(message_id: str, secret: bytes) -> ReplyKeys:
    """Derive the keys from a Message-ID: `<id@host>`, or the bare id that SES answers with."""
    local, _, _ = message_id.strip().strip("<>").partition("@")
    both = HKDF(
        algorithm=SHA256(), length=2 * _KEY_BYTES, salt=secret, info=b"reply record 1"
    ).derive(local.encode("utf-8", errors="replace"))
    return ReplyKeys(lookup=both[:_KEY_BYTES].hex(), encryption=both[_KEY_BYTES:])


def seal(thread: Thread, message_id: str, secret: bytes) -> ReplyRecord:
    """Make the record of a mail that SES sent under `message_id`."""
    keys = derive(message_id, secret)
    return ReplyRecord(keys.lookup, encrypt(thread, keys))


def encrypt(thread: Thread, keys: ReplyKeys) -> bytes:
    """Encrypt what is kept; the lookup hash is bound to it, so that rows can't be swapped."""
    nonce = os.urandom(_NONCE_BYTES)
    plain = json.dumps(asdict(thread)).encode()
    return nonce + AESGCM(keys.encryption).encrypt(nonce, plain, keys.lookup.encode())


def decrypt(metadata: bytes, keys: ReplyKeys) -> Thread:
    """Read a record. Raises `Unreadable`."""
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
