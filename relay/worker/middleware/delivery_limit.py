"""Dead-letters a message that keeps crashing its workers.

Dramatiq gives the message of a dead worker to the next one, without limit. This middleware counts
the delivery attempts that came to no orderly end, and dead-letters the message without running it
after too many. The count then stays, so that the message does not run when SQS delivers it again;
any other acknowledgement resets it.

An attempt that finds the claim of a dead worker ends in order, too, but says nothing about the
work: it is uncounted, and the deaths before it stay counted.

A message whose worker died once runs alone from then on: what dies beside others says nothing.
"""

import logging
import threading
from typing import Any

import dramatiq
from redis.exceptions import RedisError

from bridge.ledger.attempts import DeliveryAttempts
from bridge.ledger.failure_reasons import TOO_MANY_DELIVERIES, detail_for
from emails.values.outcomes import WORK_NOT_RUN
from emails.wire import SQS_MESSAGE_ID
from relay.worker.patience import patiently
from relay.worker.solitude import Solitude
from runtime import story
from runtime.failures import fields_of
from runtime.presence import PRESENCE

logger = logging.getLogger(__name__)


class DeliveryLimit(dramatiq.Middleware):
    """Dead-letters a message at its delivery attempt number `max_deliveries` + 1."""

    def __init__(self, attempts: DeliveryAttempts, max_deliveries: int) -> None:
        self._attempts = attempts
        self._max_deliveries = max_deliveries
        self._solitude = Solitude()
        self._is_suspect: dict[int, bool] = {}
        """By thread; each has its own key."""

    def before_process_message(self, broker: dramatiq.Broker, message: Any) -> None:
        """Count the attempt; after too many, fail the message, and Dramatiq runs no actor."""
        message_id = message.options.get(SQS_MESSAGE_ID)
        if message_id is None:
            return
        attempts = self._begin(message_id)
        if attempts > self._max_deliveries:
            message.options[TOO_MANY_DELIVERIES] = attempts
            message.fail()
            logger.error(
                "message dead-lettered",
                extra={"sqs_message_id": message_id, "reason": TOO_MANY_DELIVERIES},
            )

    def after_process_message(
        self,
        broker: dramatiq.Broker,
        message: Any,
        *,
        result: object = None,
        exception: BaseException | None = None,
    ) -> None:
        """Reset the count after an attempt whose work failed in order and will be retried."""
        self._end()
        message_id = message.options.get(SQS_MESSAGE_ID)
        if message_id is None or message.failed or exception is None:
            return
        reason = detail_for(exception)
        has_run, why = reason not in WORK_NOT_RUN, f"{reason}|{story.take()}"
        try:
            end = self._attempts.forget if has_run else self._attempts.take_back
            patiently(lambda: end(message_id, why), "attempts")
        except RedisError as error:
            logger.warning(
                "starts not forgotten",
                extra={"sqs_message_id": message_id, **fields_of(error)},
            )

    def after_skip_message(self, broker: dramatiq.Broker, message: Any) -> None:
        """Let others run."""
        self._end()

    def _begin(self, message_id: str) -> int:
        """Wait for the message's turn, and count the attempt. Waiting is no attempt."""
        thread = threading.get_ident()
        self._solitude.begin()
        self._is_suspect[thread] = False
        attempts = self._attempts.record(message_id, PRESENCE.name)
        if 1 < attempts <= self._max_deliveries:
            self._attempts.take_back(message_id)
            self._end()
            self._solitude.begin_alone(attempts - 1)
            self._is_suspect[thread] = True
            attempts = self._attempts.record(message_id, PRESENCE.name)
        return attempts

    def _end(self) -> None:
        is_suspect = self._is_suspect.pop(threading.get_ident(), None)
        if is_suspect is not None:
            self._solitude.end(is_suspect=is_suspect)
