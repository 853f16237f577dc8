"""Routes an authenticated envelope: to a queue of the workers, or to nobody. Pure."""

import json
import re
from dataclasses import dataclass
from typing import Any, TypeAlias

from bridge.sns.envelope import SES_TYPE_FIELDS, Envelope, EnvelopeType
from bridge.sns.reject_reasons import Rejected, RejectReason, loggable
from emails.wire import DELIVERY_TAG, queue_for

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
    """An actor processes it, from this queue."""

    queue: str


@dataclass(frozen=True, slots=True)
class SendConfirmed:
    """SES accepted a delivery's mail as `ses_id`."""

    delivery: str
    ses_id: str


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
        return ForWorkers(queue)
    if kind not in _UNNEEDED:
        raise Rejected(RejectReason.NOT_A_NOTIFICATION, loggable(kind))
    return _event(kind, fields)


def _event(kind: str, fields: dict[str, Any]) -> SendConfirmed | Unneeded:
    mail = fields.get("mail")
    mail = mail if isinstance(mail, dict) else {}
    ses_id, delivery = _matching(_SES_ID, mail.get("messageId")), _matching(_DELIVERY, _tag(mail))
    if kind == _SEND and delivery and ses_id:
        return SendConfirmed(delivery, ses_id)
    return Unneeded(kind, ses_id)


def _tag(mail: dict[str, Any]) -> object:
    """Return the value of our tag. SES gives each tag a list of values."""
    tags = mail.get("tags")
    values = tags.get(DELIVERY_TAG) if isinstance(tags, dict) else None
    return values[0] if isinstance(values, list) and len(values) == 1 else None


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
