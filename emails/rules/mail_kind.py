"""Recognises list mail, loops and automatic replies by their headers."""

from emails.values.facts import MailFacts
from emails.values.header_names import LOOP_HEADER

MAX_RECEIVED = 50
"""A mail with more `Received` headers is looping: no real path is that long (RFC 5321, 6.3)."""

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
    """Return whether this is list or bulk mail: RFC 2369, RFC 2919, or the older `Precedence`."""
    return any(mail.values(name) for name in _LIST_HEADERS) or _has_precedence(
        mail, _BULK_PRECEDENCES
    )


def is_loop(mail: MailFacts) -> bool:
    """Return whether we sent this mail ourselves, or too many servers have relayed it."""
    return bool(mail.values(LOOP_HEADER.lower())) or len(mail.values("received")) > MAX_RECEIVED


def is_automatic(mail: MailFacts) -> bool:
    """Return whether a machine wrote this mail, such as a vacation responder: RFC 3834.

    `Auto-Submitted: no` means that a person wrote it. Delivery reports have no envelope sender.
    """
    submitted = (value.partition(";")[0].strip().lower() for value in mail.values("auto-submitted"))
    return (
        any(keyword != "no" for keyword in submitted)
        or any(mail.values(name) for name in _AUTOMATIC_HEADERS)
        or _has_precedence(mail, _AUTOMATIC_PRECEDENCES)
        or mail.source.strip() in {"", "<>"}
    )


def _has_precedence(mail: MailFacts, precedences: frozenset[str]) -> bool:
    return any(value.strip().lower() in precedences for value in mail.values("precedence"))
