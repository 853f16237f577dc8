"""The contract between the bridge and the workers: queues, actor, payload. Imports nothing.

The bridge enqueues by name, so that it needs neither Django nor the actors; this module is all
that the two sides share.
"""

INBOUND_QUEUE = "inbound"
"""Received mails."""

FEEDBACK_QUEUE = "feedback"
"""Bounces and complaints: few, small, and never to wait behind a flood of mail."""

DEFAULT_QUEUE = "default"
"""Periodic jobs."""

ACTOR_NAME = "process_notification"
"""The actor that carries out one notification. Its keyword arguments are what `payload` returns."""

SQS_MESSAGE_ID = "sqs_message_id"
"""The option of the Dramatiq message that says which SQS message it came from."""

MAX_AGE_HOURS = 14 * 24 + 12
"""How old an envelope may be: SQS keeps a message for 14 days. What was done is remembered for
longer, so that nothing which is done can come in again (`cleaning.DELIVERY_RETENTION`)."""

_QUEUES = {
    "Received": INBOUND_QUEUE,
    "Bounce": FEEDBACK_QUEUE,
    "Complaint": FEEDBACK_QUEUE,
}


def queue_for(notification_type: object) -> str | None:
    """Name the queue for SES's `notificationType` (or `eventType`); None: not one we process."""
    return _QUEUES.get(notification_type) if isinstance(notification_type, str) else None


def payload(*, sns_message_id: str, notification: str) -> dict[str, str]:
    """Make the actor's keyword arguments.

    `sns_message_id` identifies the notification for ever: SNS keeps it when it delivers again,
    while SQS gives each delivery by SNS an id of its own. `notification` is SES's JSON, as it
    stood in the envelope's `Message`.
    """
    return {"sns_message_id": sns_message_id, "notification": notification}
