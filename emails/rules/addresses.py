"""Mail addresses: parsing, comparing, and finding our own among a mail's recipients.

RFC 5321 allows case-sensitive local parts, but no mailbox in use today has one, nor do our masks.
Compare `Address` values only: they are normalised.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from emails.values.addresses import BLANKS, MAX_VALUE, read_mailboxes
from emails.values.domains import to_ascii
from emails.values.facts import Policy

_MAX_ADDRESS_LENGTH = 320
_NOREPLY = frozenset({"noreply", "no-reply"})
_LOCAL_NAMES = frozenset(
    {"arpa", "corp", "home", "internal", "intranet", "invalid", "lan", "local", "localdomain"}
    | {"localhost", "onion"}
)
_TOP_LEVEL = re.compile(r"[a-z0-9-]*[a-z][a-z0-9-]*")
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Address:
    """A normalised address: lower case, unquoted, the domain in its ASCII form."""

    local: str
    domain: str

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"

    @property
    def untagged(self) -> "Address":
        """The address without its `+tag`."""
        base, plus, _ = self.local.partition("+")
        return Address(base, self.domain) if plus and base else self


def parse(text: str) -> Address | None:
    """Parse a bare address. None: not a deliverable address."""
    local, at, domain = text.strip(BLANKS).rpartition("@")
    domain_key = domain_of(domain)
    if not (at and local and domain_key) or len(text) > _MAX_ADDRESS_LENGTH:
        return None
    if len(local) > 1 and local[0] == local[-1] == '"':
        local = _QUOTED_PAIR.sub(r"\1", local[1:-1])
    if not local or not local.isprintable():
        return None
    return Address(local.lower(), domain_key)


def addresses_in(value: str) -> list[str]:
    """Read the addresses in a header's value."""
    return [box.address for box in read_mailboxes(value) if box.address]


def only_address_in(value: str) -> Address | None:
    """Return the only address in a header's value. None: none, several, or only a guess."""
    if len(value) > MAX_VALUE:
        return None
    boxes = [box for box in read_mailboxes(value) if box.address]
    return parse(boxes[0].address) if len(boxes) == 1 and not boxes[0].is_guess else None


def domain_of(text: str) -> str | None:
    """Normalise a domain: ASCII (IDNA 2008), lower case, no trailing dot. None: not a domain."""
    domain = to_ascii(text.strip(BLANKS).removesuffix("."))
    return domain if domain and domain.isprintable() and " " not in domain else None


@dataclass(frozen=True, slots=True)
class MaskRecipient:
    """A recipient that may be a mask.

    `name` is the owner's subdomain, for addresses such as `shop@NAME.masks.example`; else None.
    """

    address: Address
    name: str | None


@dataclass(frozen=True, slots=True)
class RepliesRecipient:
    """The address that owners send their replies to.

    `token` is its `+tag`, by which calendars answer (`stand_ins.py`). Empty: none.
    """

    address: Address
    token: str = ""

    @property
    def tagged(self) -> str:
        """The address with its tag."""
        local = f"{self.address.local}+{self.token}" if self.token else self.address.local
        return str(Address(local, self.address.domain))


@dataclass(frozen=True, slots=True)
class UnreadRecipient:
    """One of our addresses that nobody reads, such as the sender of our notices."""

    address: Address


Recipient: TypeAlias = MaskRecipient | RepliesRecipient | UnreadRecipient


def our_recipients(recipients: Iterable[str], policy: Policy) -> tuple[Recipient, ...]:
    """Return those of the envelope's recipients that are ours, in order, without duplicates.

    `mask` and `mask+tag` are the same recipient: nobody wants a mail twice.
    """
    found = (_recipient(parse(text), policy) for text in recipients)
    return tuple(dict.fromkeys(recipient for recipient in found if recipient is not None))


def is_public(address: Address) -> bool:
    """Return whether this may be somebody's mailbox on the internet: no host of a local network.

    RFC 6761 and RFC 6762 reserve names; the others are used in many networks.
    """
    *parents, top = address.domain.split(".")
    is_name = _TOP_LEVEL.fullmatch(top) is not None and top not in _LOCAL_NAMES
    return is_name and bool(parents and all(parents))


def is_special(address: Address, special: Iterable[str]) -> bool:
    """Return whether this can't be a mask: a `noreply@`, or one of the `special` addresses."""
    return address.local in _NOREPLY or address in map(parse, special)


def is_ours(address: Address, mask_domains: Iterable[str], special: Iterable[str]) -> bool:
    """Return whether mail to this address comes to us: it is below one of our domains, or special.

    Owners can't have such a real address: we would forward their mail to ourselves.
    """
    return address.untagged in map(parse, special) or any(
        f".{address.domain}".endswith(f".{domain}")
        for domain in map(domain_of, mask_domains)
        if domain
    )


def _recipient(address: Address | None, policy: Policy) -> Recipient | None:
    if address is None:
        return None
    tag = address.local.partition("+")[2]
    address = address.untagged
    if address in (parse(policy.replies_address), parse(policy.old_replies_address or "")):
        return RepliesRecipient(address, tag)
    if address == parse(policy.from_address):
        return UnreadRecipient(address)
    domains = {domain_of(domain) for domain in policy.mask_domains}
    name, _, parent = address.domain.partition(".")
    if address.domain not in domains and not (name and parent in domains):
        return None
    if is_special(address, ()):
        return UnreadRecipient(address)
    return MaskRecipient(address, name=None if address.domain in domains else name)
