"""Message-IDs of owners' mails, encrypted so that they can be given to SES.

SES returns the tags of a mail with its bounce. A tag of each reply is the Message-ID of the owner's
own mail, which names the owner's mail service, so nobody else can read it (AES-256-GCM). SES allows
only letters, digits, `-` and `_`.
"""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from runtime.derived_keys import derived_key

_KEY_BYTES = 32
_NONCE_BYTES = 12
_MAX_TAG = 256
"""https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_MessageTag.html"""


def seal_id(message_id: str, secret: bytes) -> str | None:
    """Encrypt a Message-ID for a tag. None: it is too long for one."""
    nonce = os.urandom(_NONCE_BYTES)
    sealed = nonce + _cipher(secret).encrypt(nonce, message_id.encode(), None)
    text = urlsafe_b64encode(sealed).rstrip(b"=").decode()
    return text if len(text) <= _MAX_TAG else None


def open_id(text: str, secrets: Iterable[bytes]) -> str | None:
    """Decrypt it. None: it was written with another secret, or is no such tag."""
    for secret in secrets:
        try:
            sealed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
            plain = _cipher(secret).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None)
            return plain.decode()
        except (InvalidTag, ValueError):
            continue
    return None


def _cipher(secret: bytes) -> AESGCM:
    return AESGCM(derived_key(secret, b"tag of a reply 1", _KEY_BYTES))
