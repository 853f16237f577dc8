"""Finds out whose bounce or complaint it is. Strangers choose some of the addresses in it.

By our tags first: they say which mask a mail was sent from, and whether it went to the owner or to
a correspondent. Whose address bounced does not matter then.

Without tags, by the sender: a mask. It counts only if the mail went to the mask's own owner, since
an owner who replies sends to any address a stranger names, be it another owner's, or one at SES's
simulator that bounces whatever it gets.

By the address only for a mail with our tags whose mask has been deleted since.

A notice's mask only leads to its owner. Nobody wrote to it, so nothing counts against it.
"""

from dataclasses import replace

from emails.flow.context import Context
from emails.rules.addresses import (
    Address,
    MaskRecipient,
    addresses_in,
    only_address_in,
    our_recipients,
)
from emails.rules.developer import SIMULATOR_DOMAIN, asks_for_developer_mode, simulated_mask
from emails.store import lookups
from emails.values.attribution import Attribution
from emails.values.facts import FoundMask, MaskRef, OwnerFacts, SentKind
from emails.values.notifications import SentMail

_KINDS = frozenset(kind.value for kind in SentKind)
_TO_OWNERS = frozenset({SentKind.FORWARD, SentKind.NOTICE})


def attribute(context: Context, mail: SentMail, reported: tuple[str, ...]) -> Attribution:
    """Find out. `reported` are the addresses that SES says bounced or complained."""
    kind, sent_to = _kind(mail), _sent_to(mail, reported)
    tagged = _find_mask_by_tag(mail)
    found = tagged or _find_sender(context, mail)
    if found is None:
        return _without_mask(kind, sent_to)
    is_current = _is_address_of(found.owner, sent_to) or _is_simulated(found, sent_to)
    mask = None if kind is SentKind.NOTICE else found.mask
    about = Attribution(kind, found.owner, mask, is_current)
    is_ours = tagged is not None and not _is_at_simulator(sent_to)
    return about if is_current or is_ours or kind is SentKind.REPLY else replace(about, owner=None)


def named(address: str) -> tuple[str, ...]:
    """Return the reported addresses; SES may have named none."""
    return (address,) if address else ()


def _without_mask(kind: SentKind, addresses: tuple[Address, ...]) -> Attribution:
    owner = None
    if kind in _TO_OWNERS:
        owners = (lookups.find_owner(str(address)) for address in addresses)
        owner = next((one for one in owners if one is not None), None)
    return Attribution(kind, owner, None, is_current_address=owner is not None)


def _kind(mail: SentMail) -> SentKind:
    kind = mail.tag("kind")
    return SentKind(kind) if kind in _KINDS else SentKind.UNKNOWN


def _sent_to(mail: SentMail, reported: tuple[str, ...]) -> tuple[Address, ...]:
    """Return whom we sent the mail to; if SES doesn't say, whoever bounced or complained."""
    return tuple(
        address
        for address in map(only_address_in, mail.destination or reported)
        if address is not None
    )


def _is_address_of(owner: OwnerFacts, addresses: tuple[Address, ...]) -> bool:
    return only_address_in(owner.address) in addresses


def _is_at_simulator(addresses: tuple[Address, ...]) -> bool:
    return any(address.domain == SIMULATOR_DOMAIN for address in addresses)


def _is_simulated(found: FoundMask, addresses: tuple[Address, ...]) -> bool:
    """Return whether developer mode sends the mask's mail to SES's simulator."""
    return (
        any(simulated_mask(address) == found.mask.ref for address in addresses)
        and asks_for_developer_mode(found.mask)
        and lookups.find_is_developer(found.owner)
    )


def _find_mask_by_tag(mail: SentMail) -> FoundMask | None:
    ref = MaskRef.parse(mail.tag("mask") or "")
    return lookups.find_mask_by_ref(ref) if ref else None


def _find_sender(context: Context, mail: SentMail) -> FoundMask | None:
    """Look up the mask that the mail's sender is."""
    for recipient in our_recipients(addresses_in(mail.source), context.ports.policy):
        if isinstance(recipient, MaskRecipient):
            target = lookups.find_mask(recipient, context.now)
            return target if isinstance(target, FoundMask) else None
    return None
