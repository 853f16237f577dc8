"""The canary: a mail of our own that takes the way of all mail, to show that the way is open."""

from datetime import datetime

from emails.edges.ports import Canary, Mailer
from emails.values.deliveries import Outgoing, SendInDoubt
from emails.values.errors import NotFinished, Refused
from emails.values.facts import Policy


def send_canary(policy: Policy, mailer: Mailer, canary: Canary, now: datetime) -> None:
    """Send one to our own mask, if there is one. Raises nothing: if it fails, none comes back."""
    if policy.canary_mask is None:
        return
    canary.note_begun()
    try:
        mailer.send(
            Outgoing(
                raw=canary.make(policy.from_address, policy.canary_mask, now),
                sender=policy.from_address,
                recipient=policy.canary_mask,
                tags=(("kind", "canary"),),
            )
        )
    except (NotFinished, Refused) as error:
        canary.note_sent(error.code or str(error.reason))
    except SendInDoubt:
        canary.note_sent("no_answer")
    else:
        canary.note_sent()


def is_canary(policy: Policy, mask: str) -> bool:
    """Return whether this is the canary's mask."""
    return policy.canary_mask is not None and mask.lower() == policy.canary_mask.lower()
