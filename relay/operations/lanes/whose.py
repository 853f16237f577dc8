"""Whose lanes are the busiest, by row and not by address.

A lane's name is an HMAC. So all owners' addresses are named in turn, and compared; a million take
some seconds.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bridge.ledger.lanes import Lane
from bridge.sns.lanes import LaneNames
from emails.models import Profile, RandomMask
from relay.config import RelayConfig

UNKNOWN = "unknown"
"""An address that is no mask's, or was a mask's that is deleted."""

_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Whose:
    """A busy lane, and what it is: a mask, an owner's name, or an owner's replies, by row."""

    lane: Lane
    whose: str


def find_whose(lanes: Iterable[Lane], config: RelayConfig) -> list[Whose]:
    """Find out whose these lanes are."""
    names = LaneNames.under(config.ledger_secrets, config.mask_domains, config.replies_address)
    found = list(lanes)
    wanted = {lane.name for lane in found}
    known: dict[str, str] = {}
    for address, whose in _addresses(config.mask_domains):
        if (name := names.name(address)) in wanted:
            known[name] = whose
            if len(known) == len(wanted):
                break
    return [Whose(lane, known.get(lane.name, UNKNOWN)) for lane in found]


def _addresses(mask_domains: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield what lanes are named after, and whose it is."""
    masks = RandomMask.objects.values_list("pk", "local", "domain", "profile_id")
    for pk, local, domain, owner in masks.iterator(_AT_ONCE):
        yield f"{local}@{domain}", f"mask {pk} of owner {owner}"
    owners = Profile.objects.values_list("pk", "subdomain", "user__email")
    for pk, name, address in owners.iterator(_AT_ONCE):
        yield address, f"replies of owner {pk}"
        for domain in mask_domains if name else ():
            yield f"{name}.{domain}", f"name of owner {pk}"
