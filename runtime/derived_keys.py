"""Keys derived from our secret, one for each purpose: HKDF-SHA256, RFC 5869. Pure."""

import functools

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


@functools.lru_cache(maxsize=16)
def derived_key(secret: bytes, purpose: bytes, size: int) -> bytes:
    """Derive a key of `size` bytes. Another purpose gives a key that is unrelated to it."""
    return HKDF(algorithm=SHA256(), length=size, salt=None, info=purpose).derive(secret)
