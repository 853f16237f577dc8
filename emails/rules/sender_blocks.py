"""Which senders an owner blocks: an address, or a domain and all below it. Pure.

A sender is who a mail's `From` says, by its address: display names prove nothing and count for
nothing. Blocking an address also blocks its variants with a `+tag`, or its owner would go on with
the next tag. Of several authors one is enough, or a second author would undo the block.
"""

from dataclasses import dataclass
from enum import StrEnum

from emails.rules.addresses import Address, domain_of, parse
from emails.rules.senders import authors_of, sender_of
from emails.values.facts import MailFacts

_MAX_LEVELS = 10
"""Labels of a domain that are looked at, from the right. Real senders have fewer."""


class SenderKind(StrEnum):
    """What is blocked."""

    ADDRESS = "address"
    DOMAIN = "domain"


@dataclass(frozen=True, slots=True)
class Sender:
    """A sender as an owner blocks it. `text` is normalised: lower case, the domain in ASCII."""

    kind: SenderKind
    text: str


def read_sender(text: str) -> Sender | None:
    """Read what somebody asks to block: `bob@shop.example`, `shop.example` or `@shop.example`.

    None: neither an address nor a domain. A name without a dot is no domain to block.
    """
    local, _, name = text.strip().rpartition("@")
    if local:
        address = parse(text)
        return Sender(SenderKind.ADDRESS, str(address)) if address else None
    domain = domain_of(name)
    if domain is None or not all(domain.split(".")) or "." not in domain:
        return None
    return Sender(SenderKind.DOMAIN, domain)


def sender_to_block(mail: MailFacts) -> Sender | None:
    """Return what to block when an owner says "block this sender". None: there is no one sender."""
    author = sender_of(mail)
    return Sender(SenderKind.ADDRESS, str(author.untagged)) if author else None


def senders_of(mail: MailFacts) -> tuple[Sender, ...]:
    """Return everything whose block applies to this mail."""
    found = (one for author in authors_of(mail) for one in _covering(author))
    return tuple(dict.fromkeys(found))


def _covering(author: Address) -> list[Sender]:
    labels = author.domain.split(".")[-_MAX_LEVELS:]
    domains = [".".join(labels[start:]) for start in range(len(labels) - 1)]
    addresses = dict.fromkeys((str(author), str(author.untagged)))
    return [
        *(Sender(SenderKind.ADDRESS, one) for one in addresses),
        *(Sender(SenderKind.DOMAIN, one) for one in domains),
    ]
