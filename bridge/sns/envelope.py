"""SNS envelopes: read strictly from a message body, and turned into the bytes that SNS signs.

Whose an envelope is, `bridge.sns.signature` tells; until then it is hostile.

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
    """What an envelope carries; the words are SNS's."""

    NOTIFICATION = "Notification"
    SUBSCRIPTION_CONFIRMATION = "SubscriptionConfirmation"
    UNSUBSCRIBE_CONFIRMATION = "UnsubscribeConfirmation"


@dataclass(frozen=True, slots=True)
class Envelope:
    """A well-formed envelope; whose it is, `verify` tells. Its `repr` shows no content, no token.

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
"""Where SES says what a notification is about: feedback and receipt, or event publishing."""

_NOT_IN_A_LINE = re.compile(r"[\x00-\x1f\x7f]")


def parse(body: str) -> Envelope:
    """Read a message body as an envelope; raises `Rejected`."""
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
        # Not chained, here and below: the cause holds the text that could not be read.
        raise Rejected(RejectReason.NOT_JSON) from None
    if not isinstance(value, dict):
        raise Rejected(RejectReason.NOT_AN_ENVELOPE, "not a JSON object")
    return value


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make a JSON object. With a key twice in it, signer and reader could mean different values."""
    value = dict(pairs)
    if len(value) != len(pairs):
        raise Rejected(RejectReason.NOT_AN_ENVELOPE, "a key stands twice")
    return value


def _refuse_constant(constant: str) -> None:
    """Refuse NaN and Infinity, which Python reads though JSON has none."""
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
    """Read a field that is one line.

    All but `Message` must be: the fields are signed as lines, so that a line break within one
    would let the same signature serve for another envelope (see `canonical`).
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
    """Read the certificate's URL, which SNS spells `SigningCertUrl` for Lambda."""
    names = [name for name in ("SigningCertURL", "SigningCertUrl") if name in fields]
    urls = {_line(fields, name) for name in names or ["SigningCertURL"]}
    if len(urls) > 1:
        raise Rejected(RejectReason.NOT_AN_ENVELOPE, "SigningCertURL stands twice")
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
    """Give what SNS signs: names and values, each a line, in the order of the names.

    No two envelopes from `parse` have the same: only `Message` may hold line breaks, and it comes
    first, so that read from its end every line has one meaning.
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
