"""Decides what a bounce says about the recipient's mailbox. Pure.

https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html#bounce-types
"""

import re

from emails.values.facts import OwnerFacts, SentKind
from emails.values.outcomes import RecordReason

# No mail can be delivered there, whatever the diagnostic says.
_NO_SUCH_MAILBOX = frozenset({"noemail", "suppressed", "onaccountsuppressionlist"})

# The mail was refused, not the mailbox: another mail may well be accepted.
_ABOUT_THE_MAIL = frozenset(
    {"messagetoolarge", "contentrejected", "attachmentrejected", "unsubscribedrecipient"}
)

_SPAM = re.compile(r"\bspam\b", re.IGNORECASE)

# Host names and links of block lists. They mean that the sending host is listed, not that the mail
# is spam.
_HOST_OR_LINK = re.compile(r"\S*(?:://|\w\.\w)\S*")

_MAX_DIAGNOSTIC = 2_000


def judge(
    kind: str, subkind: str, diagnostic: str, owner: OwnerFacts | None, sent: SentKind
) -> RecordReason:
    """Decide what to record. `kind` and `subkind` are SES's `bounceType` and `bounceSubType`."""
    if sent is SentKind.REPLY:
        return RecordReason.REPLY_BOUNCED
    if owner is None:
        return RecordReason.UNKNOWN_RECIPIENT
    if subkind.lower() in _NO_SUCH_MAILBOX:
        return RecordReason.HARD_BOUNCE
    if says_spam(diagnostic):
        return RecordReason.BOUNCED_AS_SPAM
    if subkind.lower() in _ABOUT_THE_MAIL:
        return RecordReason.BOUNCE_NOT_ABOUT_MAILBOX
    match kind.lower():
        case "permanent":
            return RecordReason.HARD_BOUNCE
        case "transient":
            return RecordReason.SOFT_BOUNCE
        case _:
            return RecordReason.BOUNCE_NOT_ABOUT_MAILBOX


def says_spam(diagnostic: str) -> bool:
    """Return whether a mail server's diagnostic calls the mail spam."""
    return _SPAM.search(_HOST_OR_LINK.sub(" ", diagnostic[:_MAX_DIAGNOSTIC])) is not None
