"""Judges by its evidence what a bounce says about the mailbox, not by SES's label. Pure.

SES calls a mail that was refused for its content "Permanent", and a vacation reply "Transient". So
what the mail server said comes first: its enhanced status (RFC 3463), then the codes and words of
its answer (RFC 5321), and only then SES's type.
https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html#bounced-recipients
"""

import re
from dataclasses import dataclass

from emails.values.mailboxes import BounceMeaning
from emails.values.notifications import BouncedRecipient


@dataclass(frozen=True, slots=True)
class _Status:
    """An enhanced status code: class 4 (for now) or 5 (for good), subject, detail."""

    grade: int
    subject: int
    detail: int


# SES sent nothing: it knows the address from an earlier bounce, its own or another customer's.
_SUPPRESSED = frozenset({"suppressed", "onaccountsuppressionlist"})

_BY_SUBTYPE = {
    "noemail": BounceMeaning.GONE,
    "mailboxfull": BounceMeaning.UNREACHABLE,
    "messagetoolarge": BounceMeaning.MAIL_REFUSED,
    "contentrejected": BounceMeaning.MAIL_REFUSED,
    "attachmentrejected": BounceMeaning.MAIL_REFUSED,
    "unsubscribedrecipient": BounceMeaning.MAIL_REFUSED,
}

# The subjects of enhanced statuses (RFC 3463, section 3).
_ADDRESS, _MAILBOX, _SYSTEM, _ROUTE, _PROTOCOL, _CONTENT, _POLICY = range(1, 8)
_PERSISTENT = 4

_ABOUT_THE_MAIL = frozenset({_SYSTEM, _PROTOCOL, _CONTENT, _POLICY})
# Details that are about our mail, though their subject is the address or the mailbox: the sender's
# address (7, 8), a relay that is not compliant (9), a mail over the mailbox's limit of size.
_ABOUT_THE_MAIL_IN_DETAIL = frozenset({(_ADDRESS, 7), (_ADDRESS, 8), (_ADDRESS, 9), (_MAILBOX, 3)})
_ANY_MAILBOX, _DISABLED = (_MAILBOX, 0), (_MAILBOX, 1)
# Microsoft's edge knows no such recipient; no such domain.
_NO_ROUTES = frozenset({(_ROUTE, 1), (_ROUTE, 4), (_ROUTE, 310)})
_GONE_IN_DETAIL = _NO_ROUTES | {_ANY_MAILBOX, _DISABLED}

_ENHANCED = r"([245])\.(\d{1,3})\.(\d{1,3})(?![.\d]*\d)"
_STATUS = re.compile(_ENHANCED)
_TYPE = r"\s*(?:[\w-]+;\s*)?"
_CODE_FIRST = re.compile(rf"{_TYPE}(?:[245]\d\d[ -]\s*)?#?{_ENHANCED}")
_CODE_AFTER_REPLY = re.compile(rf"(?<![\d.])[45]\d\d[ -]#?{_ENHANCED}")
_REPLY = re.compile(rf"{_TYPE}([45]\d\d)(?!\d)|(?<![\d.])([45]\d\d)[ -]")

# Words for servers that send no enhanced status, or a general one. In this order: the first counts.
_WORDS = {
    BounceMeaning.GONE: (
        r"user\b.{0,80}\bunknown",
        r"(?:unknown|no such|invalid|inactive) (?:\w+ )?(?:user|recipient|mailbox|address|account)",
        r"does(?: not|n'?t) (?:exist|have an?\s+(?:\S+\s+)?account)",
        r"mailbox (?:is )?(?:unavailable|disabled|not found|inactive)",
        r"(?:account|user|recipient) (?:is |has been )?(?:disabled|suspended|not found)",
    ),
    BounceMeaning.UNREACHABLE: (
        r"over ?-?quota|quota exceeded|(?:mailbox|inbox) (?:is )?full",
        r"(?:exceed\w*|out of|insufficient) (?:\w+ ){0,3}(?:storage|quota)",
    ),
    BounceMeaning.MAIL_REFUSED: (
        r"\bspam|unsolicited|virus|malware|content",
        r"policy|block(?:ed|list|[ -]list)|black ?list|reputation|\bspf\b|\bdkim\b|\bdmarc\b",
        r"(?:message|mail|size) (?:is )?too (?:large|big)|(?:maximum|message) size",
    ),
}
_WORDS_PATTERNS = tuple(
    (meaning, re.compile("|".join(words), re.IGNORECASE)) for meaning, words in _WORDS.items()
)

# RFC 5321, section 4.2.3. 554 is about the transaction, not about the mailbox.
_BY_REPLY = {
    "550": BounceMeaning.GONE,
    "551": BounceMeaning.GONE,
    "552": BounceMeaning.UNREACHABLE,
    "553": BounceMeaning.GONE,
    "554": BounceMeaning.MAIL_REFUSED,
}

_SPAM = re.compile(r"\bspam\b", re.IGNORECASE)

# Host names and links of block lists. They mean that the sending host is listed, not that the mail
# is spam. Addresses, too.
_HOST_OR_LINK = re.compile(r"\S*(?:://|\w\.\w)\S*")

_MAX_DIAGNOSTIC = 2_000


def judge(kind: str, subkind: str, recipient: BouncedRecipient) -> BounceMeaning:
    """Judge one bounced recipient. `kind`, `subkind`: SES's `bounceType` and `bounceSubType`."""
    diagnostic = recipient.diagnostic[:_MAX_DIAGNOSTIC]
    if recipient.action.lower() not in ("", "failed"):
        return BounceMeaning.NOT_FINAL
    if subkind.lower() in _SUPPRESSED:
        return BounceMeaning.GONE
    if kind.lower() == "transient" and not (recipient.status or diagnostic):
        return BounceMeaning.AUTOMATIC_ANSWER
    meaning = (
        _by_status(recipient.status, diagnostic)
        or _by_subtype(subkind)
        or _by_words(diagnostic)
        or _by_reply(diagnostic)
        or _by_kind(kind)
    )
    if meaning is BounceMeaning.MAIL_REFUSED and says_spam(diagnostic):
        return BounceMeaning.REFUSED_AS_SPAM
    return meaning


def says_spam(diagnostic: str) -> bool:
    """Return whether a mail server's diagnostic calls the mail spam."""
    return _SPAM.search(_HOST_OR_LINK.sub(" ", diagnostic[:_MAX_DIAGNOSTIC])) is not None


def _by_status(status: str, diagnostic: str) -> BounceMeaning | None:
    """Judge by the enhanced status; general ones (x.0.0, x.3.0, x.5.0) only for want of words."""
    given = _status(_STATUS.fullmatch(status.strip()))
    quoted = _status(_CODE_FIRST.match(diagnostic) or _CODE_AFTER_REPLY.search(diagnostic))
    telling = next((one for one in (given, quoted) if one and not _is_general(one)), None)
    if telling is not None:
        return _of_status(telling)
    general = given or quoted
    if general is None:
        return None
    return _by_words(diagnostic) or (_of_status(general) if general.subject else None)


def _status(found: "re.Match[str] | None") -> _Status | None:
    """Make a status of what was found; None: nothing, or one that reports success."""
    if found is None or found[1] == "2":
        return None
    return _Status(*map(int, found.groups()))


def _is_general(status: _Status) -> bool:
    return status.detail == 0 and status.subject in (0, _SYSTEM, _PROTOCOL)


def _of_status(status: _Status) -> BounceMeaning:
    where = status.subject, status.detail
    if status.subject in _ABOUT_THE_MAIL or where in _ABOUT_THE_MAIL_IN_DETAIL:
        return BounceMeaning.MAIL_REFUSED
    if status.grade == _PERSISTENT:
        return BounceMeaning.UNREACHABLE
    if status.subject == _ADDRESS or where in _GONE_IN_DETAIL:
        return BounceMeaning.GONE
    if status.subject in (_MAILBOX, _ROUTE):
        return BounceMeaning.UNREACHABLE
    return BounceMeaning.MAIL_REFUSED


def _by_words(diagnostic: str) -> BounceMeaning | None:
    text = _HOST_OR_LINK.sub(" ", diagnostic)
    found = next((meaning for meaning, words in _WORDS_PATTERNS if words.search(text)), None)
    if found is BounceMeaning.GONE and _reply_code(diagnostic).startswith("4"):
        # RFC 5321 calls a mailbox that is busy "unavailable", too.
        return BounceMeaning.UNREACHABLE
    return found


def _by_reply(diagnostic: str) -> BounceMeaning | None:
    code = _reply_code(diagnostic)
    return BounceMeaning.UNREACHABLE if code.startswith("4") else _BY_REPLY.get(code)


def _reply_code(diagnostic: str) -> str:
    """Return the server's reply code; empty: there is none."""
    found = _REPLY.match(diagnostic) or _REPLY.search(diagnostic)
    return (found[1] or found[2]) if found else ""


def _by_subtype(subkind: str) -> BounceMeaning | None:
    return _BY_SUBTYPE.get(subkind.lower())


def _by_kind(kind: str) -> BounceMeaning:
    match kind.lower():
        case "permanent":
            return BounceMeaning.GONE
        case "transient":
            # An answer without any code: what vacation replies look like.
            return BounceMeaning.AUTOMATIC_ANSWER
        case _:
            return BounceMeaning.MAIL_REFUSED
