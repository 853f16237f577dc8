"""What processes of ours leave for each other where others may read and write: sealed and signed.

Redis is trusted with *when* something is done, not with *what*. A sealed text is encrypted and
bound to what it is about (AES-256-GCM); a signature binds a few words together (HMAC-SHA256). The
keys are derived from `LEDGER_SECRETS`, which Redis never sees. The first secret seals and signs;
the others still open what was sealed before it came.
"""

import hashlib
import hmac
import logging
import os
import re
from base64 import b64encode
from binascii import a2b_base64
from collections.abc import Sequence

import markus
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from runtime.derived_keys import derived_key

logger = logging.getLogger(__name__)
metrics = markus.get_metrics("ledger")

_KEY_BYTES = 32
_NONCE_BYTES = 12
_KEY_NAME_BYTES = 4
_SIGNATURE_BYTES = 16
_SEALED = re.compile(r"([0-9a-f]{8})\.(?=[A-Za-z0-9+/])")
"""The name of the key; nonce and text follow in base64."""


class SealedByAnother(Exception):
    """None of our secrets has the name that the sealed text gives: a setting may be wrong."""


class Forged(Exception):
    """The text is none that we sealed, or it was sealed about something else."""


class _Key:
    def __init__(self, secret: str) -> None:
        octets = secret.encode()
        self.name = derived_key(octets, b"ledger key name 1", _KEY_NAME_BYTES).hex()
        self.cipher = AESGCM(derived_key(octets, b"ledger seal 1", _KEY_BYTES))
        self._signing = derived_key(octets, b"ledger signature 1", _KEY_BYTES)

    def sign(self, words: Sequence[str]) -> str:
        # With their lengths, so that the same text split elsewhere is signed differently.
        text = "".join(f"{len(word)}:{word}" for word in words).encode(errors="surrogatepass")
        digest = hmac.digest(self._signing, text, hashlib.sha256)
        return b64encode(digest[:_SIGNATURE_BYTES]).decode().rstrip("=")


class Seals:
    """Seals and signs with the first of `secrets`; opens and checks with each of them."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._keys = [_Key(secret) for secret in secrets]
        self._by_name = {key.name: key for key in self._keys}

    def seal(self, text: str, about: str) -> str:
        """Encrypt a text. Only with the same `about` can it be opened."""
        key, nonce = self._keys[0], os.urandom(_NONCE_BYTES)
        sealed = nonce + key.cipher.encrypt(nonce, text.encode(), about.encode())
        return f"{key.name}.{b64encode(sealed).decode()}"

    def open(self, sealed: object, about: str) -> str:
        """Decrypt it. Raises `SealedByAnother` or `Forged`."""
        found = _SEALED.match(sealed) if isinstance(sealed, str) else None
        if not isinstance(sealed, str) or found is None:
            raise Forged
        key = self._by_name.get(found[1])
        if key is None:
            raise SealedByAnother
        try:
            octets = a2b_base64(sealed[found.end() :], strict_mode=True)
            nonce, encrypted = octets[:_NONCE_BYTES], octets[_NONCE_BYTES:]
            return key.cipher.decrypt(nonce, encrypted, about.encode()).decode()
        except (InvalidTag, ValueError):
            # Not chained: the cause may quote the text.
            raise Forged from None

    def sign(self, *words: str) -> str:
        """Sign words, in this order."""
        return self._keys[0].sign(words)

    def is_signed(self, signature: str, *words: str) -> bool:
        """Whether we signed just these words."""
        given = signature.encode(errors="replace")
        return any(hmac.compare_digest(key.sign(words).encode(), given) for key in self._keys)


def report_forged(what: str, sqs_message_id: str | None = None) -> None:
    """Log and count something in Redis that none of our processes wrote: somebody else did."""
    metrics.incr("forged", tags=[f"what:{what}"])
    logger.error("forged entry in redis", extra={"what": what, "sqs_message_id": sqs_message_id})
