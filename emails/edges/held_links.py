"""The signed links to an owner's held mails, and the signed forms behind them.

A link names ids only: of the digest it came with, of its owner, and a hash of the address that it
was sent to, so that it ends when the owner's address changes. Whoever has it can release, delete
and block on the owner's behalf, but read nothing: the page shows neither sender nor subject.

A form has a token of its own. It proves that its sender has seen the page, within a day; so
nothing but the page's own buttons acts, and a link that leaks into a log acts only by way of it.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core import signing
from django.utils.crypto import constant_time_compare, salted_hmac

_LINK_SALT, _FORM_SALT, _ADDRESS_SALT = "emails.held.link", "emails.held.form", "emails.held.owner"
_ADDRESS_DIGITS = 16

FORM_MAX_AGE = timedelta(days=1)


class Expired(Exception):
    """The token was ours, and is too old."""


class Forged(Exception):
    """The token is not ours, or not for this."""


@dataclass(frozen=True, slots=True)
class HeldLink:
    """What a link is about: the held mails that an owner was told of by a digest or before."""

    digest_id: int
    owner_id: int
    address_hash: str

    def is_for(self, address: str) -> bool:
        """Return whether the link was sent to this address."""
        return constant_time_compare(self.address_hash, _hash(address))


def make_link_token(digest_id: int, owner_id: int, address: str) -> str:
    """Make the token of a link to an owner's page: URL-safe."""
    return signing.dumps([digest_id, owner_id, _hash(address)], salt=_LINK_SALT)


def read_link_token(token: str, max_age: timedelta) -> HeldLink:
    """Read a link's token. Raises `Expired` or `Forged`."""
    digest_id, owner_id, address_hash = load_signed(token, _LINK_SALT, max_age, size=3)
    return HeldLink(digest_id, owner_id, address_hash)


def make_form_token(link: HeldLink, about: int | str) -> str:
    """Make the token of a form about one held mail, by its id, or about what `about` names."""
    return signing.dumps([link.digest_id, link.owner_id, about], salt=_FORM_SALT)


def check_form_token(token: str, link: HeldLink, about: int | str) -> None:
    """Check a form's token. Raises `Expired` or `Forged`."""
    if load_signed(token, _FORM_SALT, FORM_MAX_AGE, size=3) != [
        link.digest_id,
        link.owner_id,
        about,
    ]:
        raise Forged


def load_signed(token: str, salt: str, max_age: timedelta, *, size: int) -> list[Any]:
    """Read a list of `size` values that we signed. Raises `Expired` or `Forged`."""
    try:
        document = signing.loads(token, salt=salt, max_age=max_age)
    except signing.SignatureExpired as error:
        raise Expired from error
    except (signing.BadSignature, ValueError) as error:
        raise Forged from error
    if not isinstance(document, list) or len(document) != size:
        raise Forged
    return document


def _hash(address: str) -> str:
    digest = salted_hmac(_ADDRESS_SALT, address.lower(), algorithm="sha256").hexdigest()
    return digest[:_ADDRESS_DIGITS]
