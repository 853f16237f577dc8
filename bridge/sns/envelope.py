"""SNS envelopes: parsed strictly from a message body, and turned into the bytes that SNS signs.

An envelope is hostile until `bridge.sns.signature` has authenticated it.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

import base64
import json
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bridge.sns.reject_reasons import Rejected, RejectReason, loggable


class EnvelopeType(StrEnum):
    """The types of envelope, in SNS's words."""

    NOTIFICATION = "Notification"
    SUBSCRIPTION_CONFIRMATION = "SubscriptionConfirmation"
    UNSUBSCRIBE_CONFIRMATION = "UnsubscribeConfirmation"


@dataclass(frozen=True, slots=True)
class Envelope:
    """A well-formed envelope, not yet authenticated. Its `repr` shows no content and no token.

    `subject` belongs to notifications only, `token` and `subscribe_url` to confirmations only.
    Never visit `subscribe_url`: pass the token to the SNS API.
    """

    type: EnvelopeType
    message_id: str
    topic_arn: str
    message: str = field(repr=False)
    subject: str | None = field(repr=False)
    timestamp: str
    token: str | None = field(repr=False)
    subscribe_url: str | None = field(repr=False)
    signature: bytes = field(repr=False)
    signature_version: str
    signing_cert_url: str


SES_TYPE_FIELDS = ("notificationType", "eventType")
"""SES's fields for a notification's type: for receipts and feedback, and for event publishing."""

_NOT_IN_A_LINE = re.compile(r"[\x00-\x1f\x7f]")


def parse(body: str) -> Envelope:
    """Parse a message body. Raises `Rejected`."""
    fields = _read_object(body)
    kind = _type_of(fields)
    is_notification = kind is EnvelopeType.NOTIFICATION
    has_subject = is_notification and fields.get("Subject") is not None
    return Envelope(
        type=kind,
        message_id=_line(fields, "MessageId"),
        topic_arn=_line(fields, "TopicArn"),
        message=_text(fields, "Message"),
        subject=_line(fields, "Subject") if has_subject else None,
        timestamp=_line(fields, "Timestamp"),
        token=None if is_notification else _line(fields, "Token"),
        subscribe_url=None if is_notification else _line(fields, "SubscribeURL"),
        signature=_signature(fields),
        signature_version=_line(fields, "SignatureVersion"),
        signing_cert_url=_signing_cert_url(fields),
    )


def _read_object(body: str) -> dict[str, Any]:
    try:
        value = json.loads(
            body, object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError):
        # Not chained, here and below: the cause quotes the text.
        raise Rejected(RejectReason.NOT_JSON) from None
    if not isinstance(value, dict):
        raise Rejected(RejectReason.NOT_AN_ENVELOPE, "not a JSON object")
    return value


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a JSON object. With a duplicate key, signer and reader could read different values."""
    value = dict(pairs)
    if len(value) != len(pairs):
        raise Rejected(RejectReason.NOT_AN_ENVELOPE, "a key appears twice")
    return value


def _refuse_constant(constant: str) -> None:
    """Refuse NaN and Infinity, which Python accepts but JSON lacks."""
    raise ValueError(constant)


def _type_of(fields: dict[str, Any]) -> EnvelopeType:
    if "Type" not in fields and any(name in fields for name in SES_TYPE_FIELDS):
        raise Rejected(
            RejectReason.RAW_DELIVERY, "turn off raw message delivery for this subscription"
        )
    name = _line(fields, "Type")
    try:
        return EnvelopeType(name)
    except ValueError:
        raise Rejected(RejectReason.UNKNOWN_TYPE, loggable(name)) from None


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise Rejected(RejectReason.NOT_AN_ENVELOPE, f"{name} is missing or not text")
    try:
        value.encode()
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can write and UTF-8 can't
        raise Rejected(RejectReason.NOT_AN_ENVELOPE, f"{name} is not Unicode") from None
    return value


def _line(fields: dict[str, Any], name: str) -> str:
    """Read a field that must be one line: every field except `Message`.

    The fields are signed as lines. A line break inside one would let the same signature fit another
    envelope (see `canonical`).
    """
    value = _text(fields, name)
    if _NOT_IN_A_LINE.search(value):
        raise Rejected(RejectReason.NOT_AN_ENVELOPE, f"{name} has control characters")
    return value


def _signature(fields: dict[str, Any]) -> bytes:
    text = _line(fields, "Signature")
    try:
        signature = base64.b64decode(text, validate=True)
    except ValueError:
        raise Rejected(RejectReason.NOT_AN_ENVELOPE, "Signature is not base64") from None
    if base64.b64encode(signature).decode() != text:
        raise Rejected(RejectReason.NOT_AN_ENVELOPE, "Signature is not strict base64")
    return signature


def _signing_cert_url(fields: dict[str, Any]) -> str:
    """Read the certificate's URL; for Lambda, SNS spells it `SigningCertUrl`."""
    names = [name for name in ("SigningCertURL", "SigningCertUrl") if name in fields]
    urls = {_line(fields, name) for name in names or ["SigningCertURL"]}
    if len(urls) > 1:
        raise Rejected(RejectReason.NOT_AN_ENVELOPE, "SigningCertURL appears twice")
    return urls.pop()


_NOTIFICATION_FIELDS = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_CONFIRMATION_FIELDS = (
    "Message",
    "MessageId",
    "SubscribeURL",
    "Timestamp",
    "Token",
    "TopicArn",
    "Type",
)


def canonical(envelope: Envelope) -> bytes:
    """Return the bytes that SNS signs: names and values, each on a line, sorted by name.

    No two envelopes from `parse` give the same bytes: only `Message` may hold line breaks, and it
    comes first, so every line counted from the end has one meaning.
    """
    values = {
        "Message": envelope.message,
        "MessageId": envelope.message_id,
        "Subject": envelope.subject,
        "SubscribeURL": envelope.subscribe_url,
        "Timestamp": envelope.timestamp,
        "Token": envelope.token,
        "TopicArn": envelope.topic_arn,
        "Type": envelope.type,
    }
    is_notification = envelope.type is EnvelopeType.NOTIFICATION
    names = _NOTIFICATION_FIELDS if is_notification else _CONFIRMATION_FIELDS
    lines = ((name, values[name]) for name in names)
    return "".join(f"{name}\n{value}\n" for name, value in lines if value is not None).encode()
