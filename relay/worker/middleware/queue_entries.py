"""Notes the entries in Dramatiq's queues that belong to a message in flight.

Each retry, and the end of each delay, makes a new entry. The bridge checks whether any still
exists. Without this note, a message whose retry Dramatiq failed to enqueue, and whose earlier entry
it acknowledged all the same, would count as in flight until its lifetime is over.
"""

import logging
from functools import partial
from typing import Any

import dramatiq
from redis.exceptions import RedisError

from bridge.ledger.in_flight import InFlight
from emails.wire import SQS_MESSAGE_ID
from relay.worker.patience import patiently
from runtime.failures import fields_of

logger = logging.getLogger(__name__)


class QueueEntries(dramatiq.Middleware):
    """Notes the entries of messages that came from SQS; ignores others."""

    def __init__(self, in_flight: InFlight) -> None:
        self._in_flight = in_flight

    def after_enqueue(self, broker: dramatiq.Broker, message: Any, delay: int | None) -> None:
        """Note the entry. Dramatiq acknowledges its predecessor only after this.

        By then another worker may have finished this entry and noted its successor.
        """
        message_id = message.options.get(SQS_MESSAGE_ID)
        if message_id is None:
            return
        note = partial(
            self._in_flight.note_queue_entry,
            message_id,
            entry_id=message.options["redis_message_id"],
            queue=message.queue_name,
        )
        try:
            patiently(note, "queue entry")
        except RedisError as error:
            # The message may run twice, which is harmless.
            logger.warning(
                "copy not noted",
                extra={"sqs_message_id": message_id, **fields_of(error)},
            )
