"""Parses SES's notifications: JSON → Received | Bounce | Complaint, checked and immutable.

Reads both formats: feedback notifications (`notificationType`) and event publishing (`eventType`).
https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html and
https://docs.aws.amazon.com/ses/latest/dg/receiving-email-notifications-contents.html
"""

from emails.values.notifications.kinds import (
    Bounce,
    BouncedRecipient,
    Complaint,
    InlineMail,
    Notification,
    Received,
    SentMail,
    StoredMail,
    mail_ids,
)
from emails.values.notifications.parsing import parse

__all__ = [
    "Bounce",
    "BouncedRecipient",
    "Complaint",
    "InlineMail",
    "Notification",
    "Received",
    "SentMail",
    "StoredMail",
    "mail_ids",
    "parse",
]
