"""Records who did what to which dead letters, in the admin's history and the log; no addresses."""

import logging
from typing import Any

from django.contrib.admin.models import CHANGE, DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType

from relay.operations import models
from relay.operations.dead_letters.letter import DeadLetter

logger = logging.getLogger(__name__)

REQUEUE = "requeue"
DELETE = "delete"
SENT, NOT_SENT = "sent", "unsent"

LABELS = {
    REQUEUE: "Requeue",
    DELETE: "Delete",
    SENT: "It was sent: end",
    NOT_SENT: "It was not sent: send",
}
"""The actions in words, before what they are about."""


def record_revealed(user: Any, letter: DeadLetter) -> None:
    """Record that a user is about to see a whole notification, before it is shown."""
    logger.warning(
        "dead letter revealed",
        extra={
            "dead_letter_id": letter.place.id,
            "sqs_message_id": letter.sqs_message_id,
            "user_id": user.pk,
        },
    )
    _record(user, letter.place.id, CHANGE, "Revealed.")


def record_handled(
    user: Any, action: str, chosen: str, result: str, dead_letter_id: str = ""
) -> None:
    """Record that a user requeued or deleted dead letters: which they chose, and the result.

    `dead_letter_id` is given for a single one.
    """
    logger.info(
        "dead letters handled in the admin",
        extra={"action": action, "chosen": chosen, "results": result, "user_id": user.pk},
    )
    flag = DELETION if action == DELETE else CHANGE
    _record(user, dead_letter_id, flag, f"{action.capitalize()} {chosen}: {result}")


def record_sqs_handled(user: Any, action: str, chosen: str, result: str) -> None:
    """Record that a user put messages of SQS's dead-letter queue back, or deleted them."""
    logger.info(
        "sqs dead letters handled in the admin",
        extra={"action": action, "chosen": chosen, "results": result, "user_id": user.pk},
    )
    flag = CHANGE if action == "redrive" else DELETION
    _record(user, "", flag, f"In SQS: {action} {chosen}: {result}")


def record_tried_now(user: Any, message_id: str, result: str) -> None:
    """Record that a user wished a message to run now that waits for its next attempt."""
    logger.info(
        "retry asked for in the admin",
        extra={"sqs_message_id": message_id, "results": result, "user_id": user.pk},
    )
    _record(user, "", CHANGE, f"Try {message_id} now: {result}")


def _record(user: Any, dead_letter_id: str, flag: int, message: str) -> None:
    LogEntry.objects.create(
        user_id=user.pk,
        content_type=ContentType.objects.get_for_model(models.DeadLetter),
        object_id=dead_letter_id,
        object_repr=f"dead letter {dead_letter_id}" if dead_letter_id else "dead letters",
        action_flag=flag,
        change_message=message,
    )
