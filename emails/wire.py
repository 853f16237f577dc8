"""The contract between the bridge and the workers: queues, actor, payload. Imports nothing.

The bridge enqueues by name, so it needs neither Django nor the actors, only this module.
"""

INBOUND_QUEUE = "inbound"
"""Received mails."""

FEEDBACK_QUEUE = "feedback"
"""Bounces and complaints: few and small; they must not wait behind a flood of mail."""

DEFAULT_QUEUE = "default"
"""Periodic jobs."""

ACTOR_NAME = "process_notification"
"""The actor that handles one notification. `payload` returns its keyword arguments."""

SQS_MESSAGE_ID = "sqs_message_id"
"""The Dramatiq message option with the id of the SQS message it came from."""

DELIVERY_TAG = "delivery"
"""The tag of each mail we send, by which SES's `Send` event names its delivery."""

CONFIRMATION_SECONDS = 6 * 3600
"""How long it is kept that SES confirmed a send. Every mail leaves such a note, and only an attempt
that finds an earlier one's claim reads it: that is within a message's lifetime, two hours."""

MAX_AGE_HOURS = 14 * 24 + 12
"""How old an envelope may be: SQS keeps a message for 14 days. We keep the record of a delivery for
longer (`emails.store.retention.DELIVERY_RETENTION`), so that no message is handled twice."""


SEND_EVENT_KEPT_SECONDS = 60
"""How long a `Send` event stays in SQS after it was noted, in case Redis loses the note."""

SEND_EVENT_DELAY_KEY = "relay:send-event-delay"
"""The key in Redis of how many seconds `Send` events take through the queue at the moment."""


def sent_key(delivery: str) -> str:
    """Name the key in Redis that holds SES's id of a delivery's mail, once SES has it."""
    return f"relay:sent:{delivery}"


_QUEUES = {
    "Received": INBOUND_QUEUE,
    "Bounce": FEEDBACK_QUEUE,
    "Complaint": FEEDBACK_QUEUE,
}


def queue_for(notification_type: object) -> str | None:
    """Return the queue for SES's `notificationType` (or `eventType`); None: we don't process it."""
    return _QUEUES.get(notification_type) if isinstance(notification_type, str) else None


def payload(*, sns_message_id: str, notification: str) -> dict[str, str]:
    """Make the actor's keyword arguments.

    `sns_message_id` identifies the notification: it stays the same when SNS delivers again, whereas
    SQS assigns a new id each time. `notification` is SES's JSON, from the envelope's `Message`.
    """
    return {"sns_message_id": sns_message_id, "notification": notification}
