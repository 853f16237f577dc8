"""Developer mode: what an owner with the flag asks for in a mask's label. Pure.

`DEV:` in front of a label logs the mask's mails in detail; `DEV:simulate_complaint` sends them to
SES's mailbox simulator, which complains about each. The simulator keeps what stands behind a `+`,
so the complaint leads back to the mask.
https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html
"""

from emails.rules.addresses import Address
from emails.values.facts import MaskFacts, MaskRef

FLAG = "developer_mode"
SIMULATOR_DOMAIN = "simulator.amazonses.com"

_PREFIX = "DEV:"
_SIMULATE_COMPLAINT = "DEV:simulate_complaint"


def asks_for_developer_mode(mask: MaskFacts) -> bool:
    """Tell whether the label asks for it; whether the owner may is another question."""
    return mask.label.startswith(_PREFIX)


def simulated_recipient(mask: MaskFacts) -> str | None:
    """Give the address of the simulator that the mask's mails go to; None: to the owner."""
    if mask.label.strip() != _SIMULATE_COMPLAINT:
        return None
    return f"complaint+{mask.ref}@{SIMULATOR_DOMAIN}"


def simulated_mask(recipient: Address) -> MaskRef | None:
    """Give the mask that an address of the simulator was made for, if it was."""
    if recipient.domain != SIMULATOR_DOMAIN:
        return None
    return MaskRef.parse(recipient.local.partition("+")[2])
