"""The links in our notes: to turn the mask off, and to block the sender. Encrypted and signed.

A link names its owner, mask and sender, but nobody can read these without our secret: what is in a
URL ends up in logs. It ends when the owner's address changes, and some time after the mail was
sent. Whoever has it can turn off that mask and block that sender, and undo both; nothing else. So
little harm is done if a reply or a forwarded copy gives it away.

AES-SIV (RFC 5297) needs no random nonce, so no number of mails wears out its key.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from django.conf import settings
from django.core import signing
from django.utils.crypto import constant_time_compare, salted_hmac

from emails.edges.held_links import FORM_MAX_AGE, Expired, Forged, load_signed
from emails.rules.sender_blocks import Sender, SenderKind
from emails.values.facts import MaskRef, OwnerFacts
from runtime.derived_keys import derived_key

_KEY_BYTES = 64
_FORM_SALT, _ADDRESS_SALT = "emails.note.form", "emails.note.owner"
_ADDRESS_DIGITS = 10
_MAX_TOKEN = 1_000


@dataclass(frozen=True, slots=True)
class NoteLink:
    """What a link is about."""

    owner_id: int
    address_hash: str
    mask: MaskRef
    sender: Sender | None

    def is_for(self, address: str) -> bool:
        """Return whether the link was sent to this address."""
        keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
        return any(constant_time_compare(self.address_hash, _hash(address, key)) for key in keys)


def make_link_token(
    owner: OwnerFacts, mask: MaskRef, sender: Sender | None, now: datetime, secret: bytes
) -> str:
    """Make the token of the links in a mail's note: URL-safe, always the same on one day."""
    text = sender.text if sender else ""
    day = now.date().toordinal()
    words = f"{day}\n{owner.id}\n{_hash(owner.address, settings.SECRET_KEY)}\n{mask}\n{text}"
    sealed = _cipher(secret).encrypt(words.encode(), None)
    return urlsafe_b64encode(sealed).decode().rstrip("=")


def read_link_token(token: str, max_age: timedelta, now: datetime, secret: bytes) -> NoteLink:
    """Read a link's token. Raises `Expired` or `Forged`."""
    if len(token) > _MAX_TOKEN:
        raise Forged
    try:
        sealed = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        words = _cipher(secret).decrypt(sealed, None).decode()
    except (Error, InvalidTag, ValueError) as error:
        raise Forged from error
    day, owner_id, address_hash, ref, text = words.split("\n")
    mask = MaskRef.parse(ref)
    if mask is None:
        raise Forged
    if now.date() - date.fromordinal(int(day)) > max_age:
        raise Expired
    sender = Sender(SenderKind.ADDRESS, text) if text else None
    return NoteLink(int(owner_id), address_hash, mask, sender)


def make_form_token(link: NoteLink, action: str) -> str:
    """Make the token of the form on a link's page. It proves that its sender saw the page."""
    return signing.dumps([link.owner_id, str(link.mask), action], salt=_FORM_SALT)


def check_form_token(token: str, link: NoteLink, action: str) -> None:
    """Check a form's token. Raises `Expired` or `Forged`."""
    wanted = [link.owner_id, str(link.mask), action]
    if load_signed(token, _FORM_SALT, FORM_MAX_AGE, size=len(wanted)) != wanted:
        raise Forged


@lru_cache(maxsize=4)
def _cipher(secret: bytes) -> AESSIV:
    return AESSIV(derived_key(secret, b"note links 1", _KEY_BYTES))


def _hash(address: str, key: str) -> str:
    digest = salted_hmac(_ADDRESS_SALT, address.lower(), key, algorithm="sha256").hexdigest()
    return digest[:_ADDRESS_DIGITS]
