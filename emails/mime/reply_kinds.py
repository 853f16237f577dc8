"""What a part of a reply is, as far as that matters for what it may reveal."""

import re
from enum import Enum, auto

from emails.mime import tnef
from emails.mime.body import ENCRYPTED, is_attachment
from emails.mime.parameters import readable_parameters
from emails.mime.structure import Part

CARDS = frozenset(
    {"application/ics", "text/calendar", "text/directory", "text/vcard"}
    | {"text/x-vcalendar", "text/x-vcard"}
)
_SIGNATURES_AND_KEYS = frozenset(
    f"application/{name}"
    for name in ("pgp-keys", "pgp-signature", "pkcs7-signature", "x-pkcs7-signature")
)
_SIGNATURE_NAME = re.compile(r".*\.p7s|signature\.asc|openpgp_.*\.asc", re.DOTALL)
_ENCRYPTED_NAME = "smime.p7m"
_UNKNOWN = frozenset({"application/octet-stream", "application/x-unknown"})
_NO_TEXT = re.compile(r"(?:audio|font|image|video)/.*(?<!\+xml)|application/pdf", re.DOTALL)


class Kind(Enum):
    """SIGNATURE: removed, keys too. TNEF: Outlook's `winmail.dat`. FILE: searched if it is text."""

    SIGNATURE = auto()
    TNEF = auto()
    CARD = auto()
    TEXT = auto()
    FILE = auto()
    OTHER = auto()


def kind_of(part: Part) -> Kind:
    """Return what a part without parts is."""
    if is_signature(part):
        return Kind.SIGNATURE
    if part.content_type in tnef.TYPES or tnef.NAME in names_of(part):
        return Kind.TNEF
    if part.content_type in CARDS:
        return Kind.CARD
    is_text = part.main_type in ("text", "message", "multipart")
    if is_text and not is_file(part):
        return Kind.TEXT
    return Kind.OTHER if _NO_TEXT.fullmatch(part.content_type) else Kind.FILE


def is_signature(part: Part) -> bool:
    """Return whether the part is a signature or a key, which name their owner."""
    return part.content_type in _SIGNATURES_AND_KEYS or (
        part.content_type in _UNKNOWN
        and any(_SIGNATURE_NAME.fullmatch(name) for name in names_of(part))
    )


def is_encrypted(part: Part) -> bool:
    """Return whether the part is an encrypted message, not a file that the owner had encrypted.

    Mail programs declare such a message an attachment, too, with a name of its own (RFC 8551,
    3.2.1), and some servers don't know its type.
    """
    is_named = _ENCRYPTED_NAME in names_of(part)
    if part.content_type in _UNKNOWN:
        return is_named
    return part.content_type in ENCRYPTED and (not is_file(part) or is_named)


def is_file(part: Part) -> bool:
    """Return whether the owner attached the part as a file.

    A whole mail never counts as a file, whatever its Content-Disposition says. A file name alone is
    not enough: the correspondent's program may show the part as text.
    """
    return is_attachment(part) and not part.is_mail


def names_of(part: Part) -> set[str]:
    """Return a part's file names, in lower case."""
    values = part.values("content-type")[:1] + part.values("content-disposition")[:1]
    found = (readable_parameters(value) for value in values if b"name" in value.lower())
    return {given.get(key, "").lower() for given in found for key in ("name", "filename")} - {""}
