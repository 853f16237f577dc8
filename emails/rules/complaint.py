"""A complaint in, what it leads to out. Pure.

https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html#complaint-object
"""

from emails.values.facts import Block, MaskFacts, OwnerFacts, SentKind
from emails.values.outcomes import RecordReason

# `not-spam` takes a complaint back, `auth-failure` is about DNS; for the suppressed, nothing was
# sent that anybody could complain about.
_NO_COMPLAINTS = frozenset({"not-spam", "auth-failure"})
_NOTHING_SENT = frozenset({"onaccountsuppressionlist"})


def judge(
    feedback: str,
    subkind: str,
    owner: OwnerFacts | None,
    mask: MaskFacts | None,
    sent: SentKind,
) -> RecordReason:
    """Say what the complaint leads to. `mask` is the one of the mail, if that can be known.

    Owners who complain get less: first no more spam, then nothing more through that mask.
    """
    if sent is SentKind.REPLY:
        return RecordReason.REPLY_COMPLAINT
    if owner is None:
        return RecordReason.UNKNOWN_RECIPIENT
    if feedback.lower() in _NO_COMPLAINTS or subkind.lower() in _NOTHING_SENT:
        return RecordReason.COMPLAINT_NOT_ABOUT_SPAM
    if not owner.blocks_spam:
        return RecordReason.SPAM_BLOCKING_ON
    if mask is None:
        return RecordReason.COMPLAINT_WITHOUT_MASK
    if mask.block is Block.ALL:
        return RecordReason.MASK_ALREADY_DISABLED
    return RecordReason.MASK_DISABLED
