"""Decides what to record about a bounced recipient. Pure.

`emails.rules.bounce_evidence` judges the bounce itself; here counts whom it is about.
"""

from emails.values.attribution import Attribution
from emails.values.facts import SentKind
from emails.values.mailboxes import BounceMeaning
from emails.values.outcomes import RecordReason

_ABOUT_THE_MAILBOX = {
    BounceMeaning.GONE: RecordReason.HARD_BOUNCE,
    BounceMeaning.UNREACHABLE: RecordReason.SOFT_BOUNCE,
}
_ARRIVED_OR_MAY = {
    BounceMeaning.NOT_FINAL: RecordReason.BOUNCE_NOT_FINAL,
    BounceMeaning.AUTOMATIC_ANSWER: RecordReason.AUTOMATIC_ANSWER,
}
_OTHERS = {
    BounceMeaning.MAIL_REFUSED: RecordReason.BOUNCE_NOT_ABOUT_MAILBOX,
    BounceMeaning.REFUSED_AS_SPAM: RecordReason.BOUNCED_AS_SPAM,
    **_ARRIVED_OR_MAY,
}


def judge(meaning: BounceMeaning, about: Attribution) -> RecordReason:
    """Decide what to record about one bounced recipient."""
    if about.kind is SentKind.REPLY:
        return _ARRIVED_OR_MAY.get(meaning, RecordReason.REPLY_BOUNCED)
    if about.owner is None:
        return RecordReason.UNKNOWN_RECIPIENT
    if meaning is BounceMeaning.REFUSED_AS_SPAM and about.kind is SentKind.NOTICE:
        # The spam is ours: blocking strangers' would not help.
        return RecordReason.BOUNCE_NOT_ABOUT_MAILBOX
    if meaning not in _ABOUT_THE_MAILBOX:
        return _OTHERS[meaning]
    if not about.is_current_address:
        return RecordReason.BOUNCE_OF_FORMER_ADDRESS
    return _ABOUT_THE_MAILBOX[meaning]
