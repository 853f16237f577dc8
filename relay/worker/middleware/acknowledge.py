"""Acknowledges a message whose actor has really ended: it returned, or was dead-lettered.

Dramatiq's own `after_ack` also fires for each attempt that will be retried and for each hop through
the delay queue. `after_process_message` knows better, once `PutBack` has decided: so this stands
before `PutBack` in the list, to run after it. A message for an actor that does not exist only
triggers `after_nack`.
"""

import logging
from functools import partial
from typing import Any

import dramatiq
from redis.exceptions import RedisError

from bridge.ledger.acknowledgements import LEFT, Acknowledgements
from bridge.ledger.failure_reasons import TOO_MANY_DELIVERIES, detail_of
from emails.values.errors import ReplyLeft
from emails.wire import SQS_MESSAGE_ID
from relay.worker.consumer import ENTRY_REMOVED
from relay.worker.middleware.dead_letter_note import reason_for
from relay.worker.patience import patiently
from runtime import story
from runtime.failures import fields_of

logger = logging.getLogger(__name__)

_ACKNOWLEDGED = "acknowledged"
"""The option that marks it. Only the hooks read it: the message is not stored again."""


class Acknowledge(dramatiq.Middleware):
    """Acknowledges messages that came from SQS; ignores others."""

    def __init__(self, acknowledgements: Acknowledgements) -> None:
        self._acknowledgements = acknowledgements

    def after_process_message(
        self,
        broker: dramatiq.Broker,
        message: Any,
        *,
        result: object = None,
        exception: BaseException | None = None,
    ) -> None:
        """Acknowledge, unless the attempt failed and `PutBack` enqueued another."""
        if message.failed:
            self._acknowledge(message, detail_of(reason_for(broker, message, exception)))
        elif exception is None:
            self._acknowledge(message, None, broker)
        elif isinstance(exception, ReplyLeft):
            self._acknowledge(message, LEFT, broker)

    def after_skip_message(self, broker: dramatiq.Broker, message: Any) -> None:
        """Acknowledge, as a failure, a message that some middleware refused to run."""
        self._acknowledge(message, "skipped")

    def after_nack(self, broker: dramatiq.Broker, message: Any) -> None:
        """Acknowledge a message that never reached an actor, or whose acknowledgement was lost.

        No others: this one is a dead letter by now, and an operator may have requeued it.
        """
        if _ACKNOWLEDGED not in message.options:
            self._acknowledge(message, detail_of(reason_for(broker, message, None)))

    def _acknowledge(self, message: Any, failure: str | None, broker: Any = None) -> None:
        """Acknowledge it; with a `broker`, remove its queue entry in the same step."""
        has_entry = broker is not None
        message_id = message.options.get(SQS_MESSAGE_ID)
        if message_id is None:
            return
        acknowledge = partial(
            self._acknowledgements.acknowledge,
            message_id,
            actor_queue=message.queue_name,
            failure=failure,
            dead_letter_id=message.options["redis_message_id"] if message.failed else "",
            forget_attempts=failure != TOO_MANY_DELIVERIES,
            steps=story.take(),
            broker_id=broker.broker_id if has_entry else "",
            entry_id=message.options["redis_message_id"] if has_entry else "",
        )
        try:
            patiently(acknowledge, "acknowledgement")
            message.options[_ACKNOWLEDGED] = True
            message.options[ENTRY_REMOVED] = has_entry
        except RedisError as error:
            # SQS will deliver the message again, and the database knows that it was processed.
            logger.warning(
                "acknowledgement lost",
                extra={"sqs_message_id": message_id, **fields_of(error)},
            )
