"""Recognises mails that go round in circles, also through machines that aren't ours. Pure.

Three kinds, by how sure we are:

    marked      Each mail we forward names its mask in our loop header. One that comes back to that
                mask has gone round: a redirect leads from the owner's mailbox to the mask. To
                another mask it is no loop; that mask's mark is added to the first.
    answering   A machine answered what we forwarded: a vacation responder that answers `From`,
                which is the mask, instead of `Reply-To`. Its mail is new and unmarked. It comes
                from the owner, or it quotes the id of a mail that we forwarded to the owner.
    suspicious  A machine answers again and again, though nothing proves that it answers us. Such
                mails are counted (`emails.flow.loops`), and held when they are too many.
"""

import hashlib
import re
from dataclasses import dataclass

from emails.rules.addresses import Address, addresses_in, parse
from emails.rules.mail_kind import (
    has_too_many_hops,
    is_automatic,
    is_automatic_answer,
    is_from_a_list,
    is_list_mail,
)
from emails.values.facts import CreatableMask, FoundMask, MailFacts
from emails.values.header_names import LOOP_HEADER

MAX_MARKS = 5
"""A mail that went through as many masks before is looping: nobody chains so many."""

MAX_ANSWERS_PER_HOUR = 2
"""Of a machine, to one mask. RFC 3834 (2) suggests one answer to a correspondent in seven days."""

MAX_OWN_MAILS_PER_HOUR = 10
"""Of the owner, to one mask: people try their masks; machines that answer don't always say so."""

_MARK = re.compile(r"[0-9a-f]{24}")
_MARK_BYTES = 12
_FROM_OLDER_VERSIONS = "1"
_MAX_VALUE = 1_000


@dataclass(frozen=True, slots=True)
class Limit:
    """How many mails a suspicious correspondent may send to a mask in an hour."""

    correspondent: str
    per_hour: int


def mark_of(mask: str, secret: bytes) -> str:
    """Name a mask in the loop header. Only who knows the secret can tell which mask it is."""
    key = hashlib.blake2b(secret, digest_size=32).digest()
    return hashlib.blake2b(
        mask.encode("utf-8", "replace"), key=key, person=b"loop header", digest_size=_MARK_BYTES
    ).hexdigest()


def marks_in(mail: MailFacts) -> tuple[str, ...]:
    """Return the marks of the masks that a mail has gone through, oldest first."""
    return tuple(dict.fromkeys(word for word in _words(mail) if _MARK.fullmatch(word)))


def is_loop(
    mail: MailFacts, target: FoundMask | CreatableMask, mark: str, *, answers_us: bool
) -> bool:
    """Return whether the mail has certainly gone round.

    `mark` is the mask's; `answers_us`: it quotes a mail that we forwarded to this owner.
    """
    if has_too_many_hops(mail):
        return True
    marks = _words(mail)
    if mark in marks or _FROM_OLDER_VERSIONS in marks or len(marks_in(mail)) >= MAX_MARKS:
        return True
    return is_automatic(mail) and (answers_us or _is_from_owner(mail, target))


def limit_of(mail: MailFacts, target: FoundMask | CreatableMask) -> Limit | None:
    """Return how many such mails may come. None: any number, this one can't be part of a loop.

    Only answers of machines, and mails of the owner: not receipts or newsletters, however many.
    """
    if is_from_a_list(mail):
        return None
    if is_automatic_answer(mail):
        return Limit(",".join(sorted(map(str, _senders(mail)))), MAX_ANSWERS_PER_HOUR)
    if _is_from_owner(mail, target):
        return Limit("", MAX_ANSWERS_PER_HOUR if is_list_mail(mail) else MAX_OWN_MAILS_PER_HOUR)
    return None


def _words(mail: MailFacts) -> list[str]:
    return " ".join(mail.values(LOOP_HEADER.lower()))[:_MAX_VALUE].split()


def _is_from_owner(mail: MailFacts, target: FoundMask | CreatableMask) -> bool:
    """Return whether the owner or the mask itself wrote this. Anybody can forge that, at no gain.

    What a mailing list sends on in its owner's name has gone through the list.
    """
    own = {parse(target.owner.address), parse(target.address)}
    theirs = {address.untagged for address in own if address}
    return not theirs.isdisjoint(_senders(mail)) and not is_from_a_list(mail)


def _senders(mail: MailFacts) -> set[Address]:
    texts = [text for value in mail.values("from") for text in addresses_in(value)]
    envelope = mail.source.strip().strip("<>")
    found = map(parse, [*texts, envelope])
    return {address.untagged for address in found if address}
