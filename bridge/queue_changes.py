"""Deletes, hides and releases what the poller received. Never raises.

SQS's failure costs no more than time: what was not deleted is tried again by the deleter, and what
was not hidden or released returns after its visibility timeout.
"""

import logging
import time
from collections.abc import Sequence

from bridge.ledger.acknowledgements import ENDED_BEFORE, Acknowledgement, Acknowledgements
from bridge.messages import Handle
from bridge.ports import Queue, QueueUnavailable, QueueUnusable
from bridge.totals import Totals

logger = logging.getLogger(__name__)


class QueueChanges:
    """The poller's changes to the queue."""

    def __init__(self, queue: Queue, acknowledgements: Acknowledgements, totals: Totals) -> None:
        self._queue = queue
        self._acknowledgements = acknowledgements
        self._totals = totals

    def delete(self, handles: Sequence[Handle]) -> None:
        """Delete messages."""
        if not handles:
            return
        try:
            failed = [entry.handle for entry in self._queue.delete(handles) if entry.may_retry]
        except (QueueUnavailable, QueueUnusable) as error:
            logger.warning("messages not deleted", extra={"client_error_code": error.code})
            failed = list(handles)
        self._totals.increase(deleted=len(handles) - len(failed))
        now_ms = int(time.time() * 1000)
        ended = [Acknowledgement(one, now_ms, True, ENDED_BEFORE) for one in failed]
        self._acknowledgements.give_back(self._queue.queue_name, ended)

    def release(self, handles: Sequence[Handle]) -> None:
        """Let SQS deliver messages again at once."""
        self.hide(handles, 0)

    def hide(self, handles: Sequence[Handle], seconds: int) -> None:
        """Hide messages for a while."""
        if not handles:
            return
        try:
            self._queue.change_visibility(handles, seconds)
        except (QueueUnavailable, QueueUnusable) as error:
            logger.warning(
                "messages not shown again" if seconds == 0 else "messages not hidden",
                extra={"client_error_code": error.code},
            )
