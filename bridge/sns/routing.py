"""Routes an authenticated envelope: to a queue of the workers, or to nobody. Pure."""

import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from bridge.sns.envelope import SES_TYPE_FIELDS, Envelope, EnvelopeType
from bridge.sns.reject_reasons import Rejected, RejectReason, loggable
from emails.wire import CANARY_TAG, DELIVERY_TAG, INBOUND_QUEUE, queue_for
from runtime.message_context import first_id

_CONFIRMATIONS = {
    EnvelopeType.SUBSCRIPTION_CONFIRMATION: RejectReason.SUBSCRIPTION_CONFIRMATION,
    EnvelopeType.UNSUBSCRIBE_CONFIRMATION: RejectReason.UNSUBSCRIBE_CONFIRMATION,
}
_TOPIC_VALIDATED_TEXT = "Successfully validated SNS topic for Amazon SES"
_TOPIC_VALIDATED_TYPE = "AmazonSnsSubscriptionSucceeded"
"""SES's two forms of the message: text for event publishing, JSON for an identity's feedback."""

_SEND, REJECT = "Send", "Reject"

_UNNEEDED = frozenset(
    {
        _TOPIC_VALIDATED_TYPE,
        _SEND,
        REJECT,
        "Delivery",
        "DeliveryDelay",
        "Open",
        "Click",
        "Rendering Failure",
        "Subscription",
    }
)
"""What SES publishes and nobody processes: https://docs.aws.amazon.com/ses/latest/dg/
event-publishing-retrieving-sns-contents.html. `Send` is needed if it is about a mail of ours."""

_DELIVERY = re.compile(r"[0-9]{1,19}-[0-9a-f]{12}")
_SES_ID = re.compile(r"[A-Za-z0-9._-]{1,100}")


@dataclass(frozen=True, slots=True)
class ForWorkers:
    """An actor processes it, from this queue. Of a received mail, who sent it to whom.

    `mail_id` is what a `MessageContext` has of this name, and `received_at_ms` when SES received
    the mail, by its own clock; None if SES doesn't say, and for feedback.
    """

    queue: str
    recipients: tuple[str, ...] = field(default=(), repr=False, compare=False)
    source: str = field(default="", repr=False, compare=False)
    mail_id: str = ""
    received_at_ms: int | None = None


@dataclass(frozen=True, slots=True)
class SendConfirmed:
    """SES accepted a delivery's mail as `ses_id`, at `at_ms` by its own clock, if it says so."""

    delivery: str
    ses_id: str
    at_ms: int | None = None
    is_canary: bool = False
    """Whether it is about the mail of our own that shows that all works."""


@dataclass(frozen=True, slots=True)
class Unneeded:
    """Genuine, and of no use to us. `event` is SES's name for it, `ses_id` that of its mail."""

    event: str
    ses_id: str = ""


Route: TypeAlias = ForWorkers | SendConfirmed | Unneeded


def route_of(envelope: Envelope) -> Route:
    """Return what is to be done with the notification in the envelope.

    Raises `Rejected` for envelopes that nobody knows. Reading the rest is left to the actors.
    """
    if envelope.type in _CONFIRMATIONS:
        raise Rejected(_CONFIRMATIONS[envelope.type])
    if envelope.message.startswith(_TOPIC_VALIDATED_TEXT):
        return Unneeded(_TOPIC_VALIDATED_TYPE)
    fields = _fields_of(envelope.message)
    kind = _type_of(fields)
    if queue := queue_for(kind):
        return _for_workers(queue, fields)
    if kind not in _UNNEEDED:
        raise Rejected(RejectReason.NOT_A_NOTIFICATION, loggable(kind))
    return _event(kind, fields)


def _for_workers(queue: str, fields: dict[str, Any]) -> ForWorkers:
    mail = _object_at(fields, "mail")
    if queue != INBOUND_QUEUE:
        return ForWorkers(queue, mail_id=first_id(mail.get("messageId")))
    key = _object_at(_object_at(fields, "receipt"), "action").get("objectKey")
    return ForWorkers(
        queue,
        *_envelope_of(fields),
        mail_id=first_id(key, mail.get("messageId")),
        received_at_ms=_at_ms(mail.get("timestamp")),
    )


def _envelope_of(fields: dict[str, Any]) -> tuple[tuple[str, ...], str]:
    """Return the recipients and the sender that SES reports. The actor reads them strictly."""
    found = _object_at(fields, "receipt").get("recipients")
    source = _object_at(fields, "mail").get("source")
    recipients = (
        tuple(one for one in found if isinstance(one, str)) if isinstance(found, list) else ()
    )
    return recipients, source if isinstance(source, str) else ""


def _event(kind: str, fields: dict[str, Any]) -> SendConfirmed | Unneeded:
    mail = _object_at(fields, "mail")
    ses_id, delivery = _matching(_SES_ID, mail.get("messageId")), _matching(_DELIVERY, _tag(mail))
    if kind == _SEND and delivery and ses_id:
        is_canary = _has_tag(mail, CANARY_TAG)
        return SendConfirmed(delivery, ses_id, _at_ms(mail.get("timestamp")), is_canary)
    return Unneeded(kind, ses_id)


def _at_ms(timestamp: object) -> int | None:
    """Read SES's `mail.timestamp`: ISO 8601, in UTC."""
    try:
        moment = datetime.fromisoformat(timestamp) if isinstance(timestamp, str) else None
    except (ValueError, OverflowError):
        return None
    return int(moment.timestamp() * 1000) if moment and moment.tzinfo else None


def _object_at(holder: dict[str, Any], key: str) -> dict[str, Any]:
    value = holder.get(key)
    return value if isinstance(value, dict) else {}


def _tag(mail: dict[str, Any]) -> object:
    """Return the value of our tag. SES gives each tag a list of values."""
    values = _object_at(mail, "tags").get(DELIVERY_TAG)
    return values[0] if isinstance(values, list) and len(values) == 1 else None


def _has_tag(mail: dict[str, Any], name: str) -> bool:
    tags = mail.get("tags")
    return isinstance(tags, dict) and name in tags


def _matching(pattern: re.Pattern[str], value: object) -> str:
    return value if isinstance(value, str) and pattern.fullmatch(value) else ""


def _fields_of(message: str) -> dict[str, Any]:
    try:
        content = json.loads(message)
    except (ValueError, RecursionError):
        raise Rejected(RejectReason.NOT_A_NOTIFICATION, "not JSON") from None
    return content if isinstance(content, dict) else {}


def _type_of(fields: dict[str, Any]) -> str:
    kind = next((fields[name] for name in SES_TYPE_FIELDS if name in fields), None)
    if not isinstance(kind, str):
        raise Rejected(RejectReason.NOT_A_NOTIFICATION, "no type")
    return kind
