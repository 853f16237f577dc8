"""Hashes of what must be recognised but not stored."""

import hashlib

from django.core.validators import RegexValidator

HASH = RegexValidator(r"^[0-9a-f]{64}$")


def hash_of(text: str) -> str:
    """Hash an address or a name that we must recognise but not store."""
    return hashlib.sha256(text.encode()).hexdigest()
