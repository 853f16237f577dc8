"""The keys of reply records, and what is encrypted under them. Pure.

SES gives every mail it sends a Message-ID; owners' clients quote it when they reply. Its local part
is a secret that only we, SES and the owner know. From it, and a secret of our own, two keys are
derived (HKDF-SHA256, RFC 5869): one hash under which the record is found, one key under which it
is encrypted (AES-256-GCM). Whoever has the table alone can read nothing in it; whoever has the
server's secret too still needs the forwarded mail.
"""

import json
import os
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MAX_IDS = 300
"""How many ids of a reply are tried: a thread that is longer is found by its newest ones."""

_KEY_BYTES = 32
_NONCE_BYTES = 12
_ID = re.compile(r"<([^<>]*)>")
_SPACES = re.compile(r"\s+")


class Unreadable(Exception):
    """The record was not written under this key, or was changed since."""


@dataclass(frozen=True, slots=True)
class ReplyKeys:
    """Where a record is found, and how it is read. Neither tells the other."""

    lookup: str
    encryption: bytes


@dataclass(frozen=True, slots=True)
class Thread:
    """What a reply needs to know of the mail that was forwarded: who wrote it, and its ids."""

    correspondent: str
    message_id: str | None
    references: tuple[str, ...]


def derive(message_id: str, secret: bytes) -> ReplyKeys:
    """Derive the keys from a Message-ID: `<id@host>`, or the bare id that SES answers with."""
    local, _, _ = message_id.strip().strip("<>").partition("@")
    both = HKDF(
        algorithm=SHA256(), length=2 * _KEY_BYTES, salt=secret, info=b"reply record 1"
    ).derive(local.encode("utf-8", errors="replace"))
    return ReplyKeys(lookup=both[:_KEY_BYTES].hex(), encryption=both[_KEY_BYTES:])


def quoted_ids(in_reply_to: Iterable[str], references: Iterable[str]) -> tuple[str, ...]:
    """List the ids that a reply quotes: `In-Reply-To` first, then `References`, newest first.

    Clients fold ids, and some leave the angle brackets out.
    """
    first = [one for value in in_reply_to for one in ids_in(value)]
    older = [one for value in references for one in ids_in(value)]
    return tuple(dict.fromkeys([*first[:MAX_IDS], *reversed(older)]))[:MAX_IDS]


def ids_in(value: str) -> list[str]:
    """Read the ids of a header value, without brackets; in their order."""
    found = [_SPACES.sub("", inside) for inside in _ID.findall(value)] or value.split()
    return [one for one in found if "@" in one]


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
