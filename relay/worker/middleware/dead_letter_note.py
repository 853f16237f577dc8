"""Notes on each dead letter why it died.

Dramatiq keeps the message as it was when its last attempt began: nothing about how that attempt
ended, or why middleware failed it. So this stores the message again, with a note among its options,
before Dramatiq moves it to the dead letters.
"""

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

import dramatiq
from redis.exceptions import RedisError

from bridge.ledger import failure_reasons, keys
from bridge.ledger.dead_letters import DEAD_LETTER_TTL_MS, NOTE
from bridge.ledger.scripts import script
from emails.edges.events import error_code_of
from emails.values.errors import NotFinished
from emails.wire import SQS_MESSAGE_ID
from relay.worker.patience import patiently
from runtime.failures import fields_of
from runtime.logging import describe_exception

if TYPE_CHECKING:
    from redis import Redis

logger = logging.getLogger(__name__)


def reason_for(broker: dramatiq.Broker, message: Any, error: BaseException | None) -> str:
    """Return a dead-lettered message's reason, in words that are safe to show anywhere."""
    if error is not None:
        throws = broker.get_actor(message.actor_name).options.get("throws") or ()
        was_refused = isinstance(error, (throws, NotFinished))
        return failure_reasons.reason_of_failure(error, was_refused=was_refused)
    if failure_reasons.TOO_MANY_DELIVERIES in message.options:
        return failure_reasons.TOO_MANY_DELIVERIES
    if NOTE in message.options:
        return str(message.options[NOTE]["reason"])
    return failure_reasons.NO_SUCH_ACTOR


class DeadLetterNote(dramatiq.Middleware):
    """Notes the reason, the number of attempts and where the last one failed."""

    def __init__(self, client: "Redis") -> None:
        self._note = script(client, "note_dead_letter")

    def after_process_message(
        self,
        broker: dramatiq.Broker,
        message: Any,
        *,
        result: object = None,
        exception: BaseException | None = None,
    ) -> None:
        """Note it once `PutBack` has decided."""
        if message.failed:
            self._write(message, reason_for(broker, message, exception), exception)

    def after_nack(self, broker: dramatiq.Broker, message: Any) -> None:
        """Note it on a message that never reached an actor; Dramatiq has moved it already."""
        if NOTE not in message.options:
            self._write(message, reason_for(broker, message, None), None)

    def _write(self, message: Any, reason: str, error: BaseException | None) -> None:
        message.options[NOTE] = {
            "reason": reason,
            "error_type": type(error).__qualname__ if error else "",
            "error_code": error_code_of(error) if error else "",
            "attempts": _attempts(message, reason),
            "traceback": describe_exception(error) if error else [],
        }
        self._keep(message, reason)

    def _keep(self, message: Any, reason: str) -> None:
        dead_letter_id = message.options["redis_message_id"]
        queue = keys.queue(message.queue_name)
        dead_letters = keys.dead_letters(message.queue_name)
        note = partial(
            self._note,
            keys=[
                keys.messages_of(queue),
                keys.messages_of(dead_letters),
                keys.reason_of(dead_letter_id),
                keys.DEAD_LETTER_BYTES,
            ],
            args=[dead_letter_id, message.encode(), reason, DEAD_LETTER_TTL_MS],
        )
        try:
            patiently(note, "dead letter")
        except RedisError as lost:
            # The dead letter is kept all the same, with an unknown reason.
            logger.warning(
                "reason of dead letter lost",
                extra={
                    "sqs_message_id": message.options.get(SQS_MESSAGE_ID),
                    "reason": reason,
                    **fields_of(lost),
                },
            )


def _attempts(message: Any, reason: str) -> int:
    """Count the actor's attempts. `retries` counts its orderly failures, except a refusal."""
    failures: int = message.options.get("retries", 0)
    if failure_reasons.category_of(reason) == failure_reasons.REFUSED:
        return failures + 1
    # The last attempt was refused, so it doesn't count.
    deaths: int = message.options.get(failure_reasons.TOO_MANY_DELIVERIES, 1) - 1
    return failures + deaths
