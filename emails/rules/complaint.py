"""Decides what follows from a complaint. Pure.

https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html#complaint-object
"""

from emails.values.attribution import Attribution
from emails.values.facts import Block, SentKind
from emails.values.outcomes import RecordReason

# `not-spam` withdraws a complaint; `auth-failure` is about DNS.
_NOT_ABOUT_SPAM = frozenset({"not-spam", "auth-failure"})

# SES sent nothing to these recipients, so nobody complained.
_NOTHING_SENT = frozenset({"onaccountsuppressionlist"})


def judge(feedback: str, subkind: str, about: Attribution) -> RecordReason:
    """Decide what to do and record. `feedback` and `subkind` are SES's terms.

    A complaint turns on the owner's spam blocking. If that is on already, it disables the mask.
    One about our own notices and digests does neither: no stranger sent them.
    """
    owner, mask = about.owner, about.mask
    if about.kind is SentKind.REPLY:
        return RecordReason.REPLY_COMPLAINT
    if owner is None:
        return RecordReason.UNKNOWN_RECIPIENT
    if about.kind is SentKind.NOTICE:
        return RecordReason.NOTICE_COMPLAINT
    if feedback.lower() in _NOT_ABOUT_SPAM or subkind.lower() in _NOTHING_SENT:
        return RecordReason.COMPLAINT_NOT_ABOUT_SPAM
    if not owner.blocks_spam:
        return RecordReason.SPAM_BLOCKING_ON
    if mask is None:
        return RecordReason.COMPLAINT_WITHOUT_MASK
    if mask.block is Block.ALL:
        return RecordReason.MASK_ALREADY_DISABLED
    return RecordReason.MASK_DISABLED
