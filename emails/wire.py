"""The contract between the bridge and the workers: queues, actor, payload. Imports nothing of ours.

The bridge enqueues by name, so it needs neither Django nor the actors, only this module.
"""

from dataclasses import dataclass, field

INBOUND_QUEUE = "inbound"
"""Received mails."""

BULK_QUEUE = "bulk"
"""Received mails of lanes that have others in flight, and large ones: the others go first."""

FEEDBACK_QUEUE = "feedback"
"""Bounces and complaints: few and small; they must not wait behind a flood of mail."""

DEFAULT_QUEUE = "default"
"""Periodic jobs."""

ACTOR_NAME = "process_notification"
"""The actor that handles one notification. `payload` returns its keyword arguments."""

SQS_MESSAGE_ID = "sqs_message_id"
"""The Dramatiq message option with the id of the SQS message it came from."""

ABOUT = "about"
"""The option that says which message it is: what `runtime.message_context.from_text` reads."""

DELIVERY_TAG = "delivery"
"""The tag of each mail we send, by which SES's `Send` event names its delivery."""

CONFIRMATION_SECONDS = 6 * 3600
"""How long it is kept that SES confirmed a send. Every mail leaves such a note, and only an attempt
that finds an earlier one's claim reads it: that is within a message's lifetime, two hours."""

MAX_AGE_HOURS = 14 * 24 + 12
"""How old an envelope may be: SQS keeps a message for 14 days. We keep the record of a delivery for
longer (`emails.store.retention.DELIVERY_RETENTION`), so that no message is handled twice."""


CANARY_KEY = "relay:canary"
"""The key in Redis of when canaries were sent and came back: `relay/operations/canary.py`."""

CANARY_TAG = "canary"
"""The tag of a forwarded canary: SES's event about it shows that all of the way works."""


SEND_EVENT_DELAY_KEY = "relay:send-event-delay"
"""The key in Redis of how many seconds `Send` events take at the moment, from SES to a bridge."""

TAKING_KEY, TAKING_SECONDS = "relay:taking", 24 * 3600
"""The key in Redis whose age tells when a bridge last went on to receive, having dealt with what it
had received before; and how long it is kept."""


SENT = "sent"
"""The first word of what is signed in the value of `sent_key`; the delivery and SES's id follow."""

ACCOUNT_KEY = "relay:ses-account"
"""What is known of the account that we send with: `emails/edges/account_notes.py`."""

ACCOUNT_RATE = "rate"
"""Its field that says how many mails SES takes in a second."""


def sent_key(delivery: str) -> str:
    """Name the key in Redis that holds SES's id of a delivery's mail, once SES has it.

    A signature follows the id: a delivery that this says was sent is not sent again.
    """
    return f"relay:sent:{delivery}"


_QUEUES = {
    "Received": INBOUND_QUEUE,
    "Bounce": FEEDBACK_QUEUE,
    "Complaint": FEEDBACK_QUEUE,
}


def queue_for(notification_type: object) -> str | None:
    """Return the queue for SES's `notificationType` (or `eventType`); None: we don't process it."""
    return _QUEUES.get(notification_type) if isinstance(notification_type, str) else None


def payload(envelope: str) -> dict[str, str]:
    """Make the actor's keyword arguments.

    `envelope` is the SQS message's body, which SNS signed, sealed about the SQS message's id: the
    workers verify it again, and believe nothing else that Redis says about the mail.
    """
    return {"envelope": envelope}


@dataclass(frozen=True, slots=True)
class Publication:
    """What SNS published: an id, and SES's JSON.

    The id stays the same when SNS delivers again, whereas SQS assigns a new one each time.
    """

    sns_message_id: str
    notification: str = field(repr=False)
