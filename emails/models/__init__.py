"""The tables: owners, masks, reply records, deliveries, held mails, blocks, counts, tombstones.

Database constraints enforce what must always hold. No table holds mail content. Only `emails.store`
changes counters, inside the database; `save()` is for the admin and the commands.
"""

from emails.models.blocked_senders import BlockedSender
from emails.models.deliveries import Delivery, DeliveryState
from emails.models.hashes import hash_of
from emails.models.held_mails import HELD_STATES, HeldDigest, HeldMail
from emails.models.limits import AbuseCounter, AbusePause, SenderCounter
from emails.models.mailbox_breakers import MailboxBreaker
from emails.models.masks import DeletedMask, DomainMask, Mask, RandomMask, is_deleted
from emails.models.owners import (
    LANGUAGES,
    Profile,
    RegisteredSubdomain,
    is_own_address,
    why_refused,
)
from emails.models.replies import Reply

__all__ = [
    "HELD_STATES",
    "LANGUAGES",
    "AbuseCounter",
    "AbusePause",
    "BlockedSender",
    "DeletedMask",
    "Delivery",
    "DeliveryState",
    "DomainMask",
    "HeldDigest",
    "HeldMail",
    "MailboxBreaker",
    "Mask",
    "Profile",
    "RandomMask",
    "RegisteredSubdomain",
    "Reply",
    "SenderCounter",
    "hash_of",
    "is_deleted",
    "is_own_address",
    "why_refused",
]
