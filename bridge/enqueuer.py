"""Enqueues a batch of messages for the workers, and leases what they have.

Redis fails several messages at once: what it didn't take, because it is away or full, is released
at once, for SQS to deliver again.
"""

import logging
import time
from typing import assert_never

from redis.exceptions import RedisError

from bridge.dispositions import Disposition
from bridge.ledger.dispatch import Dispatched, Dispatcher, Work
from bridge.messages import Handle
from bridge.queue_changes import QueueChanges
from bridge.visibility import Leases
from runtime.redis_client import refuses_for_now

logger = logging.getLogger(__name__)


class Enqueuer:
    """Enqueues what one bridge received. Used by the poller's thread."""

    def __init__(self, dispatcher: Dispatcher, leases: Leases, changes: QueueChanges) -> None:
        self._dispatcher = dispatcher
        self._leases = leases
        self._changes = changes

    def enqueue(self, batch: list[Work]) -> list[tuple[Handle, Disposition]]:
        """Enqueue messages. If Redis takes none, release them all, and raise its error."""
        handles = [work.handle for work in batch]
        try:
            dispatched = self._dispatcher.dispatch(batch, int(time.time() * 1000))
        except RedisError:
            self._changes.release(handles)
            raise
        results = [
            (handle, self._result(handle, one))
            for handle, one in zip(handles, dispatched, strict=True)
        ]
        # Redis may get full in mid-batch. The rest must not wait for its visibility timeout.
        self._changes.release([one for one, result in results if result is Disposition.REFUSED])
        return results

    def _result(self, handle: Handle, dispatched: Dispatched | RedisError) -> Disposition:
        fields: dict[str, object] = {"sqs_message_id": handle.message_id}
        match dispatched:
            case RedisError():
                fields |= {"error_type": type(dispatched).__name__}
                if refuses_for_now(dispatched):
                    logger.warning("message refused by redis", extra=fields)
                    return Disposition.REFUSED
                logger.error("message could not be handed on", extra=fields)
                return Disposition.ERROR
            case Dispatched.DONE:
                logger.info("message already done", extra=fields)
                return Disposition.ALREADY_DONE
            case Dispatched.FAILED:
                logger.info("message already failed", extra=fields)
                return Disposition.ALREADY_FAILED
            case Dispatched.IN_FLIGHT | Dispatched.ENQUEUED:
                # Only after enqueueing: a leased message is kept hidden, and one that was not
                # enqueued must be redelivered.
                self._leases.add(handle)
                was_new = dispatched is Dispatched.ENQUEUED
                return Disposition.ENQUEUED if was_new else Disposition.ALREADY_IN_FLIGHT
            case _:
                assert_never(dispatched)
