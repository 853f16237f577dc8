"""Enqueues a batch of messages for the workers, and leases what they have.

Redis fails several messages at once: what it didn't take, because it is away or full, is released
at once, for SQS to deliver again.
"""

import logging
import time
from collections.abc import Sequence
from typing import assert_never

from redis.exceptions import RedisError

from bridge.dispositions import Disposition
from bridge.ledger.dispatch import Dispatched, Dispatcher, NotAdmitted, Work
from bridge.messages import Handle
from bridge.overflow import Refused
from bridge.queue_changes import QueueChanges
from bridge.visibility import Leases
from runtime.ages import Stage, note_age
from runtime.failures import fields_of
from runtime.message_context import about
from runtime.redis_client import refuses_for_now

logger = logging.getLogger(__name__)


class Enqueuer:
    """Enqueues what one bridge received. Used by the poller's thread."""

    def __init__(self, dispatcher: Dispatcher, leases: Leases, changes: QueueChanges) -> None:
        self._dispatcher = dispatcher
        self._leases = leases
        self._changes = changes

    def enqueue(
        self, batch: Sequence[Work], *, has_waited: bool = False, may_admit: bool = True
    ) -> tuple[list[tuple[Handle, Disposition]], list[Refused]]:
        """Enqueue messages; returns what became of them, and those that were not admitted.

        If Redis takes none, release them all, and raise its error; what has waited waits on.
        Without `may_admit` none is admitted that was not before.
        """
        handles = [work.handle for work in batch]
        try:
            now_ms = int(time.time() * 1000)
            dispatched = self._dispatcher.dispatch(
                batch, now_ms, has_waited=has_waited, may_admit=may_admit
            )
        except RedisError:
            if not has_waited:
                self._changes.release(handles)
            raise
        pairs = list(zip(batch, dispatched, strict=True))
        results = [
            (work.handle, self._result(work, one))
            for work, one in pairs
            if not isinstance(one, NotAdmitted)
        ]
        # Redis may get full in mid-batch. The rest must not wait for its visibility timeout.
        self._changes.release([one for one, result in results if result is Disposition.REFUSED])
        return results, [(work, one) for work, one in pairs if isinstance(one, NotAdmitted)]

    def _result(self, work: Work, dispatched: Dispatched | RedisError) -> Disposition:
        with about(work.about):
            return self._note(work, dispatched)

    def _note(self, work: Work, dispatched: Dispatched | RedisError) -> Disposition:
        fields: dict[str, object] = {"sqs_message_id": work.handle.message_id}
        match dispatched:
            case RedisError():
                fields |= fields_of(dispatched)
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
            case Dispatched.OVER_SHARE | Dispatched.NO_ROOM:
                raise ValueError(dispatched)
            case Dispatched.IN_FLIGHT | Dispatched.ENQUEUED:
                # Only after enqueueing: a leased message is kept hidden, and one that was not
                # enqueued must be redelivered.
                self._leases.add(work.handle, work.about)
                if dispatched is Dispatched.IN_FLIGHT:
                    return Disposition.ALREADY_IN_FLIGHT
                note_age(Stage.DISPATCHED)
                return Disposition.ENQUEUED
            case _:
                assert_never(dispatched)
