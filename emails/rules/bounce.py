"""A bounced recipient in, what it says about their mailbox out. Pure.

https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html#bounce-types
"""

import re

from emails.values.facts import OwnerFacts, SentKind
from emails.values.outcomes import RecordReason

# Nobody can receive there, whatever the text says.
_NO_SUCH_MAILBOX = frozenset({"noemail", "suppressed", "onaccountsuppressionlist"})

# The mail was the trouble, not the mailbox: another mail may well get through.
_ABOUT_THE_MAIL = frozenset(
    {"messagetoolarge", "contentrejected", "attachmentrejected", "unsubscribedrecipient"}
)

_SPAM = re.compile(r"\bspam\b", re.IGNORECASE)

# Names and links of block lists: they say that a sending host is listed, not what the mail was.
_HOST_OR_LINK = re.compile(r"\S*(?:://|\w\.\w)\S*")

_MAX_DIAGNOSTIC = 2_000


def judge(
    kind: str, subkind: str, diagnostic: str, owner: OwnerFacts | None, sent: SentKind
) -> RecordReason:
    """Say what the bounce leads to. `kind` and `subkind` are SES's words."""
    if sent is SentKind.REPLY:
        return RecordReason.REPLY_BOUNCED
    if owner is None:
        return RecordReason.UNKNOWN_RECIPIENT
    if subkind.lower() in _NO_SUCH_MAILBOX:
        return RecordReason.HARD_BOUNCE
    if was_taken_for_spam(diagnostic):
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


def was_taken_for_spam(diagnostic: str) -> bool:
    """Tell whether a mail server says that it took the mail for spam."""
    return _SPAM.search(_HOST_OR_LINK.sub(" ", diagnostic[:_MAX_DIAGNOSTIC])) is not None
