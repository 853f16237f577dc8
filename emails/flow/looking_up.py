"""Masks that are not here: looked up at the predecessor's before their mail is nobody's.

While that can't be asked, mail to them is held: without an owner if nobody knows whose mask it is.
A job looks them up once it can, and releases the mails, or ends those to no mask.
"""

from datetime import datetime

from emails.edges import events
from emails.flow.context import Context, Ports
from emails.flow.limiting import KeyIn
from emails.rules.addresses import MaskRecipient, our_recipients
from emails.store import held_unknown, lookups
from emails.values.errors import NotFinished
from emails.values.facts import FoundMask, MaskLookup, MissingMask
from emails.values.held import HeldMail, NewMask
from emails.values.outcomes import NoMaskReason, RetryReason

BATCH = 500


def find_mask(context: Context, recipient: MaskRecipient, key: KeyIn) -> MaskLookup | None:
    """Find a mask here, else at the predecessor's. None: that can't be told now."""
    found = lookups.find_mask(recipient, context.now, key)
    if isinstance(found, FoundMask):
        return found
    try:
        was_taken = context.ports.predecessor.take_mask(recipient)
    except NotFinished as error:
        if error.reason != RetryReason.SOURCE_UNAVAILABLE:
            raise
        return None
    return lookups.find_mask(recipient, context.now, key) if was_taken else found


def look_up_held(ports: Ports, now: datetime) -> None:
    """Look up the masks of held mails. Stops when the predecessor can't be asked."""
    for mail in held_unknown.find_unknown(BATCH):
        try:
            _look_up(ports, mail, now)
        except NotFinished:
            return


def _look_up(ports: Ports, mail: HeldMail, now: datetime) -> None:
    recipient = _recipient_of(mail, ports)
    if recipient is None:
        held_unknown.end_as_nobodys(mail, NoMaskReason.UNKNOWN, now)
        return
    target = lookups.find_mask(recipient, now)
    if not isinstance(target, FoundMask) and ports.predecessor.take_mask(recipient):
        target = lookups.find_mask(recipient, now)
    if isinstance(target, MissingMask):
        why = NoMaskReason.DELETED if target.was_deleted else NoMaskReason.UNKNOWN
        held_unknown.end_as_nobodys(mail, why, now)
        events.held_for_nobody(why)
    else:
        held_unknown.release_to(mail, target.owner.id)


def _recipient_of(mail: HeldMail, ports: Ports) -> MaskRecipient | None:
    if not isinstance(mail.target, NewMask):
        return None
    address = f"{mail.target.local}@{mail.target.domain}"
    found = our_recipients([address], ports.policy)
    return next((one for one in found if isinstance(one, MaskRecipient)), None)
