"""Developer mode: owners with the flag switch it on for a mask, in the mask's label. Pure.

A label that starts with `DEV:` logs the mask's mails in detail. `DEV:simulate_complaint` sends them
to SES's mailbox simulator, which complains about each. The simulator keeps the `+tag` of its
address; the tag names the mask, so that the complaint can be attributed.
https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html
"""

from emails.rules.addresses import Address
from emails.values.facts import MaskFacts, MaskRef

FLAG = "developer_mode"
"""The waffle flag that lets an owner use developer mode."""

SIMULATOR_DOMAIN = "simulator.amazonses.com"

_PREFIX = "DEV:"
_SIMULATE_COMPLAINT = "DEV:simulate_complaint"


def asks_for_developer_mode(mask: MaskFacts) -> bool:
    """Return whether the label asks for developer mode; doesn't check the owner's flag."""
    return mask.label.startswith(_PREFIX)


def simulated_recipient(mask: MaskFacts) -> str | None:
    """Return the simulator address to send the mask's mails to. None: send them to the owner."""
    if mask.label.strip() != _SIMULATE_COMPLAINT:
        return None
    return f"complaint+{mask.ref}@{SIMULATOR_DOMAIN}"


def simulated_mask(recipient: Address) -> MaskRef | None:
    """Return the mask named in a simulator address. None: not such an address."""
    if recipient.domain != SIMULATOR_DOMAIN:
        return None
    return MaskRef.parse(recipient.local.partition("+")[2])
