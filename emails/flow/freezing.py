"""Applies the operators' freezes: mail to a mask is held, and an owner's reply waits."""

from emails.flow.context import Context
from emails.rules import freezes
from emails.rules.forward import Decision
from emails.values.deliveries import Claim
from emails.values.errors import NotFinished
from emails.values.facts import MailFacts, MaskLookup, MissingMask, ReplyFacts
from emails.values.outcomes import RetryReason


def frozen(
    context: Context, mail: MailFacts, target: MaskLookup, decision: Decision, claimed: Claim
) -> Decision:
    """Return the decision, or to hold the mail. What SES has already is only to be recorded."""
    in_force = context.ports.controls.freezes()
    if not in_force or claimed.sent_as is not None or isinstance(target, MissingMask):
        return decision
    return freezes.freeze(decision, mail, target, in_force)


def require_unfrozen(context: Context, thread: ReplyFacts, claimed: Claim) -> None:
    """Raise `NotFinished` while the reply's mask or owner is frozen: held mail has a mask to go to,
    and a reply has none.
    """
    in_force = context.ports.controls.freezes()
    if claimed.sent_as is None and freezes.find_frozen(thread.owner.id, thread.mask.ref, in_force):
        raise NotFinished(RetryReason.FROZEN)
