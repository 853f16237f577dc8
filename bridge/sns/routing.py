"""Routes an authenticated envelope to one of the workers' queues. Pure."""

import json

from bridge.sns.envelope import SES_TYPE_FIELDS, Envelope, EnvelopeType
from bridge.sns.reject_reasons import Rejected, RejectReason, loggable
from emails.wire import queue_for

_CONFIRMATIONS = {
    EnvelopeType.SUBSCRIPTION_CONFIRMATION: RejectReason.SUBSCRIPTION_CONFIRMATION,
    EnvelopeType.UNSUBSCRIBE_CONFIRMATION: RejectReason.UNSUBSCRIBE_CONFIRMATION,
}
_TOPIC_VALIDATED_TEXT = "Successfully validated SNS topic for Amazon SES"
_TOPIC_VALIDATED_TYPE = "AmazonSnsSubscriptionSucceeded"
"""SES's two forms of the message: text for event publishing, JSON for an identity's feedback."""


def actor_queue(envelope: Envelope) -> str:
    """Return the queue for the notification in the envelope.

    Raises `Rejected` for envelopes that no actor processes. Reading the rest is left to the actors.
    """
    if envelope.type in _CONFIRMATIONS:
        raise Rejected(_CONFIRMATIONS[envelope.type])
    if envelope.message.startswith(_TOPIC_VALIDATED_TEXT):
        raise Rejected(RejectReason.TOPIC_VALIDATION)
    kind = _notification_type(envelope.message)
    if kind == _TOPIC_VALIDATED_TYPE:
        raise Rejected(RejectReason.TOPIC_VALIDATION)
    queue = queue_for(kind)
    if queue is None:
        raise Rejected(RejectReason.NOT_A_NOTIFICATION, loggable(kind))
    return queue


def _notification_type(message: str) -> str:
    try:
        content = json.loads(message)
    except (ValueError, RecursionError):
        raise Rejected(RejectReason.NOT_A_NOTIFICATION, "not JSON") from None
    fields = content if isinstance(content, dict) else {}
    kind = next((fields[name] for name in SES_TYPE_FIELDS if name in fields), None)
    if not isinstance(kind, str):
        raise Rejected(RejectReason.NOT_A_NOTIFICATION, "no type")
    return kind
