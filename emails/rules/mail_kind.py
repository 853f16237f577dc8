"""What a mail's headers say about its kind: a list mail, a loop, an automatic answer."""

from emails.values.facts import MailFacts
from emails.values.header_names import LOOP_HEADER

MAX_RECEIVED = 50
"""More `Received` headers than any real path makes: the mail goes in a circle (RFC 5321, 6.3)."""

_LIST_HEADERS = (
    "list-id",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "list-post",
    "list-help",
    "list-subscribe",
    "list-owner",
    "list-archive",
)
_BULK_PRECEDENCES = frozenset({"bulk", "list"})
_AUTOMATIC_PRECEDENCES = frozenset({"auto_reply", "junk"})
_AUTOMATIC_HEADERS = ("x-autoreply", "x-autorespond", "x-autoresponder")


def is_list_mail(mail: MailFacts) -> bool:
    """Tell whether the mail went to many: RFC 2369, RFC 2919, or the older `Precedence`."""
    return any(mail.values(name) for name in _LIST_HEADERS) or _has_precedence(
        mail, _BULK_PRECEDENCES
    )


def is_loop(mail: MailFacts) -> bool:
    """Tell whether we sent this mail ourselves, or it has been through too many hands."""
    return bool(mail.values(LOOP_HEADER.lower())) or len(mail.values("received")) > MAX_RECEIVED


def is_automatic(mail: MailFacts) -> bool:
    """Tell whether a machine answers, such as one for holidays: RFC 3834.

    `Auto-Submitted: no` says that a person wrote it. A delivery report has no envelope sender.
    """
    said = (value.partition(";")[0].strip().lower() for value in mail.values("auto-submitted"))
    return (
        any(word != "no" for word in said)
        or any(mail.values(name) for name in _AUTOMATIC_HEADERS)
        or _has_precedence(mail, _AUTOMATIC_PRECEDENCES)
        or mail.source.strip() in {"", "<>"}
    )


def _has_precedence(mail: MailFacts, words: frozenset[str]) -> bool:
    return any(value.strip().lower() in words for value in mail.values("precedence"))
