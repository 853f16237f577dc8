"""Decides what the note of a forwarded mail warns its reader of. Pure.

A mask's owner can't check the author: what SES found out about the mail ends with us. So whatever
we forward without proof of its author says so.
"""

import re
from email.errors import HeaderParseError
from email.header import decode_header
from enum import StrEnum

from emails.rules.addresses import Address, domain_of
from emails.rules.senders import is_authenticated, sender_of
from emails.values.addresses import MAX_VALUE
from emails.values.facts import MailFacts, Verdict

_DOTS = ".\u2024\u3002\uff0e\uff61"
_ADDRESS = re.compile(
    rf"\w(?:|\s{{1,3}}(?=.\s))[@\ufe6b\uff20]\s{{0,3}}"
    rf"([\w-]{{1,63}}(?:\s{{0,3}}[{_DOTS}]\s{{0,3}}[\w-]{{1,63}}){{1,9}})"
)
_OTHER_DOTS = re.compile(rf"\s*[{_DOTS}]\s*")


class MailWarning(StrEnum):
    """One thing that a reader must know. In the order in which the note shows them."""

    FAILS_DMARC = "fails_dmarc"
    """The domain that `From` names says how to recognise its mail, and this one is not."""

    NO_SINGLE_AUTHOR = "no_single_author"
    """`From` is missing, unreadable, or names several authors, so nobody can vouch for it."""

    NOT_AUTHENTICATED = "not_authenticated"
    """Neither DMARC nor SPF nor DKIM proves that the mail comes from its author's domain."""

    NAMED_LIKE_ANOTHER = "named_like_another"
    """The author is authentic, but `From` also holds what looks like an address elsewhere."""

    SPAM = "spam"
    """SES takes the mail for spam."""


def warnings_about(mail: MailFacts) -> tuple[MailWarning, ...]:
    """Return what to warn of, most serious first: at most one warning about the author."""
    about_author = _about_author(mail)
    spam = MailWarning.SPAM if mail.verdicts.spam is Verdict.FAIL else None
    return tuple(one for one in (about_author, spam) if one is not None)


def _about_author(mail: MailFacts) -> MailWarning | None:
    if mail.verdicts.dmarc is Verdict.FAIL:
        return MailWarning.FAILS_DMARC
    if (author := sender_of(mail)) is None:
        return MailWarning.NO_SINGLE_AUTHOR
    if not is_authenticated(mail, author):
        return MailWarning.NOT_AUTHENTICATED
    return MailWarning.NAMED_LIKE_ANOTHER if _is_named_like_another(mail, author) else None


def _is_named_like_another(mail: MailFacts, author: Address) -> bool:
    """Return whether anything in `From` looks like an address, wherever it stands in there."""
    found = _ADDRESS.finditer(_readable(mail.first("from")[:MAX_VALUE]))
    domains = (domain_of(_OTHER_DOTS.sub(".", match[1])) for match in found)
    return any(domain is not None and not _are_kin(domain, author.domain) for domain in domains)


def _are_kin(one: str, other: str) -> bool:
    """Return whether one of the domains is the other, or below it."""
    return f".{one}".endswith(f".{other}") or f".{other}".endswith(f".{one}")


def _readable(value: str) -> str:
    """Decode a value's encoded words well enough to see an address in it."""
    try:
        pieces = decode_header(value)
    except HeaderParseError:
        return value
    return "".join(_text(piece, charset or "latin-1") for piece, charset in pieces)


def _text(piece: bytes | str, charset: str) -> str:
    if isinstance(piece, str):
        return piece
    try:
        return piece.decode(charset, "replace")
    except (LookupError, ValueError):
        return piece.decode("latin-1")
