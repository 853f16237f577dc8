"""Parses SES's notifications: JSON → Received | Bounce | Complaint, checked and immutable.

Reads both formats: feedback notifications (`notificationType`) and event publishing (`eventType`).
https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html and
https://docs.aws.amazon.com/ses/latest/dg/receiving-email-notifications-contents.html
"""

import base64
import binascii
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from emails.values.errors import Refused
from emails.values.facts import Header, MailFacts, Verdict, Verdicts
from emails.values.outcomes import RefuseReason


@dataclass(frozen=True, slots=True)
class StoredMail:
    """The mail is in S3."""

    bucket: str
    key: str


@dataclass(frozen=True, slots=True)
class InlineMail:
    """The mail is inside the notification."""

    raw: bytes


@dataclass(frozen=True, slots=True)
class Received:
    """A mail arrived. `recipients` are the ones that SES's receipt rule matched.

    `received_at` is when SES received it; None if SES doesn't say.
    """

    recipients: tuple[str, ...]
    mail: MailFacts
    headers_truncated: bool
    content: StoredMail | InlineMail
    received_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SentMail:
    """What SES says about a mail we sent. `tags` come only with event publishing.

    `message_id` is SES's id for it, and `destination` whom we sent it to: not always the address
    that bounced, since a mailbox may forward.
    """

    source: str
    message_id: str
    destination: tuple[str, ...]
    tags: tuple[tuple[str, str], ...]

    def tag(self, name: str) -> str | None:
        """Return the value of the tag `name` that the mail was sent with, if any."""
        return next((value for known, value in self.tags if known == name), None)


@dataclass(frozen=True, slots=True)
class BouncedRecipient:
    """An address that bounced, and what its mail server said; SES leaves out what it did not say.

    `status` is an enhanced status code (RFC 3463), `action` what became of the mail (RFC 3464),
    `diagnostic` the server's answer.
    """

    address: str
    status: str = ""
    action: str = ""
    diagnostic: str = ""


@dataclass(frozen=True, slots=True)
class Bounce:
    """A mail we sent did not reach some recipients. `kind` and `subkind` are SES's terms.

    `at` is when it bounced, and `took` how long after the mail was sent, if SES says so.
    """

    kind: str
    subkind: str
    recipients: tuple[BouncedRecipient, ...]
    mail: SentMail
    took: timedelta | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Complaint:
    """Recipients reported our mail as spam, `at` this time. The others are SES's terms."""

    feedback: str
    subkind: str
    recipients: tuple[str, ...]
    mail: SentMail
    at: datetime | None = None


Notification: TypeAlias = Received | Bounce | Complaint


_MAX_KEY_BYTES = 1024
_PATH_STEPS = frozenset({".", ".."})

_VERDICTS = frozenset(verdict.value for verdict in Verdict)


class _Malformed(Exception):
    """A field is missing or has the wrong type."""


def parse(text: str) -> Notification:
    """Parse SES's JSON. Raises `Refused` for anything but these three notifications."""
    try:
        document = _as_object(json.loads(text))
        kind = document.get("notificationType", document.get("eventType"))
        match kind:
            case "Received":
                return _received(document)
            case "Bounce":
                return _bounce(document)
            case "Complaint":
                return _complaint(document)
            case _:
                raise _Malformed
    except (_Malformed, ValueError, RecursionError):
        # Without the cause, which would quote the notification.
        raise Refused(RefuseReason.MALFORMED_NOTIFICATION) from None


def _received(document: dict[str, Any]) -> Received:
    mail = _object(document, "mail")
    receipt = _object(document, "receipt")
    return Received(
        recipients=_texts(receipt, "recipients"),
        mail=MailFacts(
            source=_text(mail, "source", default=""),
            verdicts=_verdicts(receipt),
            headers=_headers(mail),
        ),
        # The receipt rule may leave all headers out; we read those from the mail, too.
        headers_truncated=mail.get("headersTruncated", False) is not False or "headers" not in mail,
        content=_content(document, _object(receipt, "action")),
        received_at=_time(mail, "timestamp"),
    )


def _time(holder: dict[str, Any], key: str) -> datetime | None:
    """Read a time in ISO 8601. An unreadable one is no reason to lose a mail."""
    value = holder.get(key)
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value)
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _verdicts(receipt: dict[str, Any]) -> Verdicts:
    policy = _text(receipt, "dmarcPolicy", default="").upper()
    return Verdicts(
        spam=_verdict(receipt, "spamVerdict"),
        virus=_verdict(receipt, "virusVerdict"),
        spf=_verdict(receipt, "spfVerdict"),
        dkim=_verdict(receipt, "dkimVerdict"),
        dmarc=_verdict(receipt, "dmarcVerdict"),
        dmarc_rejects=policy == "REJECT",
        dmarc_quarantines=policy == "QUARANTINE",
    )


def _verdict(receipt: dict[str, Any], key: str) -> Verdict:
    status = _text(_object(receipt, key, default={}), "status", default="").upper()
    return Verdict(status) if status in _VERDICTS else Verdict.UNKNOWN


def _headers(mail: dict[str, Any]) -> tuple[Header, ...]:
    """Read the headers. We don't need `commonHeaders`, which repeats some of them."""
    entries = (_as_object(entry) for entry in _list(mail, "headers", default=[]))
    return tuple(Header(_text(entry, "name").strip(), _text(entry, "value")) for entry in entries)


def _content(document: dict[str, Any], action: dict[str, Any]) -> StoredMail | InlineMail:
    match _text(action, "type"):
        case "S3":
            return StoredMail(bucket=_text(action, "bucketName"), key=_key(action))
        case "SNS":
            return InlineMail(_inline(document, _text(action, "encoding", default="UTF8")))
        case _:
            raise _Malformed


def _key(action: dict[str, Any]) -> str:
    """Read the mail's key: the receipt rule's prefix and an id.

    Rejects keys that S3 doesn't accept or XML can't contain: they would fail every fetch, and every
    batch deletion they are part of.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
    """
    key = _text(action, "objectKey")
    if not (key and key.isprintable() and len(key.encode()) <= _MAX_KEY_BYTES):
        raise _Malformed
    if _PATH_STEPS.intersection(key.split("/")):
        raise _Malformed
    return key


def _inline(document: dict[str, Any], encoding: str) -> bytes:
    content = _text(document, "content")
    if encoding.upper() != "BASE64":
        return content.encode("utf-8", errors="replace")
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _Malformed from error


def _bounce(document: dict[str, Any]) -> Bounce:
    bounce = _object(document, "bounce")
    entries = (_as_object(entry) for entry in _list(bounce, "bouncedRecipients"))
    return Bounce(
        kind=_text(bounce, "bounceType"),
        subkind=_text(bounce, "bounceSubType", default=""),
        recipients=tuple(
            BouncedRecipient(
                address=_text(entry, "emailAddress"),
                status=_text(entry, "status", default=""),
                action=_text(entry, "action", default=""),
                diagnostic=_text(entry, "diagnosticCode", default=""),
            )
            for entry in entries
        ),
        mail=_sent_mail(document),
        took=_time_between(_object(document, "mail", default={}), bounce),
        at=_time(bounce, "timestamp"),
    )


def _time_between(mail: dict[str, Any], bounce: dict[str, Any]) -> timedelta | None:
    sent, bounced = _time(mail, "timestamp"), _time(bounce, "timestamp")
    return max(bounced - sent, timedelta(0)) if sent and bounced else None


def _complaint(document: dict[str, Any]) -> Complaint:
    complaint = _object(document, "complaint")
    entries = (_as_object(entry) for entry in _list(complaint, "complainedRecipients"))
    return Complaint(
        feedback=_text(complaint, "complaintFeedbackType", default=""),
        subkind=_text(complaint, "complaintSubType", default=""),
        recipients=tuple(_text(entry, "emailAddress") for entry in entries),
        mail=_sent_mail(document),
        at=_time(complaint, "timestamp"),
    )


def _sent_mail(document: dict[str, Any]) -> SentMail:
    mail = _object(document, "mail", default={})
    return SentMail(
        source=_text(mail, "source", default=""),
        message_id=_text(mail, "messageId", default=""),
        destination=_texts(mail, "destination", default=[]),
        tags=tuple(_tags(_object(mail, "tags", default={}))),
    )


def _tags(tags: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Flatten the tags: SES sends a list of values for each."""
    for name in tags:
        for value in _texts(tags, name):
            yield name, value


def _as_object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _Malformed
    return value


def _object(
    holder: dict[str, Any], key: str, *, default: dict[str, Any] | None = None
) -> dict[str, Any]:
    return _as_object(_value(holder, key, default))


def _list(holder: dict[str, Any], key: str, *, default: list[Any] | None = None) -> list[Any]:
    value = _value(holder, key, default)
    if not isinstance(value, list):
        raise _Malformed
    return value


def _texts(
    holder: dict[str, Any], key: str, *, default: list[Any] | None = None
) -> tuple[str, ...]:
    values = _list(holder, key, default=default)
    if not all(isinstance(value, str) for value in values):
        raise _Malformed
    return tuple(values)


def _text(holder: dict[str, Any], key: str, *, default: str | None = None) -> str:
    value = _value(holder, key, default)
    if not isinstance(value, str):
        raise _Malformed
    return value


def _value(holder: dict[str, Any], key: str, default: object) -> object:
    """Return the value, or the default if it is missing or null."""
    value = holder.get(key)
    return default if value is None else value
