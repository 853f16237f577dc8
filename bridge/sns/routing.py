"""Which of the workers' queues an authenticated envelope belongs in. Pure."""

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
"""SES's two ways to say so: as text for event publishing, as JSON for an identity's feedback."""


def actor_queue(envelope: Envelope) -> str:
    """Name the queue of the actor that what SES notifies of is for.

    Raises `Rejected` for all that no actor works on. What the notification says is theirs to read.
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
