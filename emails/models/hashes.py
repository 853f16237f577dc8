"""Keyed hashes of what must be recognised but not stored.

Anybody can hash every likely address and compare, so the hash has a key: without it, a copy of the
table doesn't tell whether an address was a mask. The key is applied to an unkeyed hash, so that
hashes from before there was a key could be keyed as well (migration 14).
"""

import hashlib
import hmac

from django.conf import settings
from django.core.validators import RegexValidator

from runtime.derived_keys import derived_key

HASH = RegexValidator(r"^[0-9a-f]{64}$")

_KEY_BYTES = 32


def hash_of(text: str) -> str:
    """Hash an address or a name that we must recognise but not store."""
    return hashes_of(text)[0]


def hashes_of(text: str) -> list[str]:
    """Return the hashes that a text may have been recorded with, that of today first."""
    unkeyed = hashlib.sha256(text.encode()).hexdigest()
    return [_keyed(unkeyed, secret) for secret in settings.REPLY_SECRETS]


def is_secret_known() -> bool:
    """Return whether this process has our secret, not a placeholder for it."""
    return bool(settings.CONFIG.reply_secret) or not settings.HAS_PLACEHOLDER_KEY


def keyed(unkeyed: str) -> str:
    """Apply our key to a hash without one, as an earlier version or another system made it."""
    return _keyed(unkeyed, settings.REPLY_SECRETS[0])


def _keyed(unkeyed: str, secret: bytes) -> str:
    key = derived_key(secret, b"tombstones 1", _KEY_BYTES)
    return hmac.new(key, unkeyed.encode(), hashlib.sha256).hexdigest()
