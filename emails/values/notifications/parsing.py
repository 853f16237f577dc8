"""Parses SES's notifications: JSON → Received | Bounce | Complaint, checked and immutable."""

import base64
import binascii
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from emails.values.errors import Refused
from emails.values.facts import Header, MailFacts, Verdict, Verdicts
from emails.values.notifications.fields import (
    Malformed,
    as_object,
    list_at,
    object_at,
    text_at,
    texts_at,
    time_at,
)
from emails.values.notifications.kinds import (
    Bounce,
    BouncedRecipient,
    Complaint,
    InlineMail,
    Notification,
    Received,
    SentMail,
    StoredMail,
)
from emails.values.outcomes import RefuseReason
from runtime.message_context import first_id

_MAX_KEY_BYTES = 1024
_PATH_STEPS = frozenset({".", ".."})

_VERDICTS = frozenset(verdict.value for verdict in Verdict)


def parse(text: str) -> Notification:
    """Parse SES's JSON. Raises `Refused` for anything but these three notifications."""
    try:
        document = as_object(json.loads(text))
        kind = document.get("notificationType", document.get("eventType"))
        match kind:
            case "Received":
                return _received(document)
            case "Bounce":
                return _bounce(document)
            case "Complaint":
                return _complaint(document)
            case _:
                raise Malformed
    except (Malformed, ValueError, RecursionError):
        # Without the cause, which would quote the notification.
        raise Refused(RefuseReason.MALFORMED_NOTIFICATION) from None


def _received(document: dict[str, Any]) -> Received:
    mail = object_at(document, "mail")
    receipt = object_at(document, "receipt")
    return Received(
        recipients=texts_at(receipt, "recipients"),
        mail=MailFacts(
            source=text_at(mail, "source", default=""),
            verdicts=_verdicts(receipt),
            headers=_headers(mail),
        ),
        # The receipt rule may leave all headers out; we read those from the mail, too.
        headers_truncated=mail.get("headersTruncated", False) is not False or "headers" not in mail,
        content=_content(document, object_at(receipt, "action")),
        received_at=time_at(mail, "timestamp"),
        message_id=first_id(mail.get("messageId")),
    )


def _verdicts(receipt: dict[str, Any]) -> Verdicts:
    policy = text_at(receipt, "dmarcPolicy", default="").upper()
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
    status = text_at(object_at(receipt, key, default={}), "status", default="").upper()
    return Verdict(status) if status in _VERDICTS else Verdict.UNKNOWN


def _headers(mail: dict[str, Any]) -> tuple[Header, ...]:
    """Read the headers. We don't need `commonHeaders`, which repeats some of them."""
    entries = (as_object(entry) for entry in list_at(mail, "headers", default=[]))
    return tuple(
        Header(text_at(entry, "name").strip(), text_at(entry, "value")) for entry in entries
    )


def _content(document: dict[str, Any], action: dict[str, Any]) -> StoredMail | InlineMail:
    match text_at(action, "type"):
        case "S3":
            return StoredMail(bucket=text_at(action, "bucketName"), key=_key(action))
        case "SNS":
            return InlineMail(_inline(document, text_at(action, "encoding", default="UTF8")))
        case _:
            raise Malformed


def _key(action: dict[str, Any]) -> str:
    """Read the mail's key: the receipt rule's prefix and an id.

    Rejects keys that S3 doesn't accept or XML can't contain: they would fail every fetch, and every
    batch deletion they are part of.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
    """
    key = text_at(action, "objectKey")
    if not (key and key.isprintable() and len(key.encode()) <= _MAX_KEY_BYTES):
        raise Malformed
    if _PATH_STEPS.intersection(key.split("/")):
        raise Malformed
    return key


def _inline(document: dict[str, Any], encoding: str) -> bytes:
    content = text_at(document, "content")
    if encoding.upper() != "BASE64":
        return content.encode("utf-8", errors="replace")
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed from error


def _bounce(document: dict[str, Any]) -> Bounce:
    bounce = object_at(document, "bounce")
    entries = (as_object(entry) for entry in list_at(bounce, "bouncedRecipients"))
    return Bounce(
        kind=text_at(bounce, "bounceType"),
        subkind=text_at(bounce, "bounceSubType", default=""),
        recipients=tuple(
            BouncedRecipient(
                address=text_at(entry, "emailAddress"),
                status=text_at(entry, "status", default=""),
                action=text_at(entry, "action", default=""),
                diagnostic=text_at(entry, "diagnosticCode", default=""),
            )
            for entry in entries
        ),
        mail=_sent_mail(document),
        took=_time_between(object_at(document, "mail", default={}), bounce),
        at=time_at(bounce, "timestamp"),
    )


def _time_between(mail: dict[str, Any], bounce: dict[str, Any]) -> timedelta | None:
    sent, bounced = time_at(mail, "timestamp"), time_at(bounce, "timestamp")
    return max(bounced - sent, timedelta(0)) if sent and bounced else None


def _complaint(document: dict[str, Any]) -> Complaint:
    complaint = object_at(document, "complaint")
    entries = (as_object(entry) for entry in list_at(complaint, "complainedRecipients"))
    return Complaint(
        feedback=text_at(complaint, "complaintFeedbackType", default=""),
        subkind=text_at(complaint, "complaintSubType", default=""),
        recipients=tuple(text_at(entry, "emailAddress") for entry in entries),
        mail=_sent_mail(document),
        at=time_at(complaint, "timestamp"),
    )


def _sent_mail(document: dict[str, Any]) -> SentMail:
    mail = object_at(document, "mail", default={})
    return SentMail(
        source=text_at(mail, "source", default=""),
        message_id=text_at(mail, "messageId", default=""),
        destination=texts_at(mail, "destination", default=[]),
        tags=tuple(_tags(object_at(mail, "tags", default={}))),
    )


def _tags(tags: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Flatten the tags: SES sends a list of values for each."""
    for name in tags:
        for value in texts_at(tags, name):
            yield name, value
