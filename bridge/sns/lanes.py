"""Whose mail a notification announces: its lanes, by opaque names. Pure.

Fairness is kept between lanes. A lane is a mask; for the masks of an owner's name it is that name,
because a flood can make up any number of them; for a reply it is whoever sends it, because all
owners reply to one address.

A lane's name is an HMAC under a key that Redis doesn't know: Redis, logs and metrics never get an
address, and nobody with these alone can try one.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field

from runtime.derived_keys import derived_key

_KEY_BYTES = 32

_NAME_BYTES = 9
"""Enough for a name to be unique, and short enough to be read out."""

MOST_NAMES = 100
"""How many lanes of one mail are compared."""


@dataclass(frozen=True, slots=True)
class Lanes:
    """The lanes of one mail, and how much work it is: one for each recipient."""

    names: tuple[str, ...] = ()
    work: int = 1


@dataclass(frozen=True, slots=True)
class LaneNames:
    """Names lanes. `key` is what names are made with; the rest are settings of these names.

    Without `mask_domains` each address is a lane of its own.
    """

    key: bytes = field(repr=False)
    mask_domains: Sequence[str] = ()
    replies_address: str = ""

    @classmethod
    def under(
        cls, secrets: Sequence[str], mask_domains: Sequence[str], replies_address: str
    ) -> "LaneNames":
        """Name lanes under the first of `LEDGER_SECRETS`.

        While it is being changed, bridges may name one lane differently. That costs no mail: a
        flood gets a second share until all of them have restarted.
        """
        key = derived_key(secrets[0].encode(), b"lane names 1", _KEY_BYTES)
        return cls(key, mask_domains, replies_address)

    def of(self, recipients: Sequence[str], source: str) -> Lanes:
        """Return the lanes of a mail to `recipients` from the envelope's sender `source`."""
        owners = dict.fromkeys(filter(None, (self._owner_of(one, source) for one in recipients)))
        names = tuple(self.name(one) for one in list(owners)[:MOST_NAMES])
        return Lanes(names, max(1, len(recipients)))

    def name(self, owner: str) -> str:
        """Name the lane of a mask, of an owner's name as `NAME.masks.example`, or of a writer."""
        text = _normalised(owner).encode(errors="replace")
        return hmac.digest(self.key, text, "sha256")[:_NAME_BYTES].hex()

    def _owner_of(self, recipient: str, source: str) -> str:
        address = _normalised(recipient)
        domain, ours = address.rpartition("@")[2], {one.lower() for one in self.mask_domains}
        # The address of before a move, too, is all owners'.
        old = (f"replies@{one}" for one in ours)
        if address in (_normalised(self.replies_address), *old):
            # A bounce's sender is empty. It is nobody's reply.
            return _normalised(source) or address
        name, _, parent = domain.partition(".")
        return domain if name and parent in ours and domain not in ours else address


def _normalised(address: str) -> str:
    """Return an address that is the same however it is written: case, `+tag`, quotes, last dot."""
    bare = address.strip().lower().replace('"', "").replace("\\", "").removesuffix(".")
    local, at, domain = bare.rpartition("@")
    return f"{local.partition('+')[0] or local}{at}{domain}"
