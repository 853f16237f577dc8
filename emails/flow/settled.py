"""Whether a received mail has been dealt with for all of its recipients."""

from typing import assert_never

from emails.rules.addresses import (
    MaskRecipient,
    Recipient,
    RepliesRecipient,
    UnreadRecipient,
    our_recipients,
)
from emails.store import claims
from emails.values.facts import Policy
from emails.values.notifications import Received

RECEIVED, REPLY = "received", "reply"
"""The purposes of the deliveries of a received mail."""


def find_is_settled(received: Received, sns_message_id: str, policy: Policy) -> bool:
    """Return whether each of our recipients has its outcome. Raises `NotFinished`."""
    recipients = our_recipients(received.recipients, policy)
    hashes = {claims.recipient_hash(sns_message_id, *_delivery(one)) for one in recipients}
    return claims.count_finished(sns_message_id, hashes) == len(hashes)


def _delivery(recipient: Recipient) -> tuple[str, str]:
    match recipient:
        case MaskRecipient(address) | UnreadRecipient(address):
            return RECEIVED, str(address)
        case RepliesRecipient():
            return REPLY, recipient.tagged
        case _:
            assert_never(recipient)
