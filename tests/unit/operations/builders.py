"""Builders of dead letters as Dramatiq leaves them, with our middleware's note."""

import json
from typing import Any

from bridge.ledger.dead_letters import Place
from relay.operations.dead_letters.letter import DeadLetter, read
from tests.seals import SEALS, sealed
from tests.unit.emails.builders import as_json, received

DIED_MS = 1_900_000_000_000
SECRETS = ("bob@sender.example", "x7k2@masks.example", "swordfish")


def a_notification(to: str = "x7k2@masks.example") -> str:
    """SES's notification of a mail; sender, mask and text are in `SECRETS`."""
    headers = {"From": "Bob <bob@sender.example>", "Subject": "swordfish"}
    return as_json(received(to, headers=headers, content="the body is swordfish"))


def stored(
    dead_letter_id: str = "dead-1",
    sqs_message_id: str = "sqs-1",
    notification: str | None = None,
    **options: Any,
) -> bytes:
    """A message as Dramatiq stores it."""
    notification = a_notification() if notification is None else notification
    from_sqs = {"sqs_message_id": sqs_message_id, "sent_at_ms": DIED_MS - 60_000}
    message = {
        "queue_name": "inbound",
        "actor_name": "process_notification",
        "args": [],
        "kwargs": {"envelope": sealed(notification, sqs_message_id, f"sns-{sqs_message_id}")},
        "options": {"redis_message_id": dead_letter_id} | from_sqs | options,
        "message_id": sqs_message_id,
        "message_timestamp": DIED_MS - 50_000,
    }
    return json.dumps(message).encode()


def a_letter(reason: str | None = "refused:mail_missing", **message: Any) -> DeadLetter:
    """A dead letter of the queue `inbound`."""
    return read(Place("inbound", "dead-1", DIED_MS), stored(**message), reason, SEALS)
