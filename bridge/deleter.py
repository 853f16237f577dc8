"""Acknowledgements → batched deletes. Any bridge deletes what any worker acknowledged.

A message that failed, and that the operator did not choose to delete, stays in SQS beside its dead
letter. It is hidden for as long as SQS allows: each delivery would only be hidden again.
"""

import logging
import time
from collections import defaultdict

import markus

from bridge.config import SQS_MAX_BATCH
from bridge.ledger.acknowledgements import ENDED_BEFORE, LEFT, Acknowledgement, Acknowledgements
from bridge.ledger.failure_reasons import word_of
from bridge.messages import Handle
from bridge.ports import Queue, QueueUnavailable, QueueUnusable
from bridge.totals import Totals
from bridge.visibility import Leases, longest_seconds
from runtime.ages import Stage, note_age
from runtime.message_context import about

logger = logging.getLogger(__name__)
metrics = markus.get_metrics("bridge")

_AT_MOST = 100
"""How many acknowledgements are taken at once: as many as ten calls delete."""

_LINGER_SECONDS = 0.1
"""How long to wait for more acknowledgements: deleting ten messages costs one call, as one does."""


class Deleter:
    """Takes acknowledgements from Redis and deletes their messages from SQS."""

    def __init__(
        self,
        queue: Queue,
        acknowledgements: Acknowledgements,
        totals: Totals,
        *,
        delete_failed_messages: bool,
        hide_failed_messages: bool = True,
        leases: Leases | None = None,
    ) -> None:
        self._queue = queue
        self._acknowledgements = acknowledgements
        self._totals = totals
        self._leases = leases or Leases()
        self._delete_failed_messages = delete_failed_messages
        self._hide_failed_messages = hide_failed_messages and not delete_failed_messages

    def work(self, wait_seconds: float) -> int:
        """Delete one batch, waiting for a first acknowledgement; returns the batch's size.

        Errors of Redis pass through. If SQS can't be reached, the batch goes back on the list and
        the error passes through; the caller backs off.
        """
        taken = self._acknowledgements.take(
            *(self._queue.queue_name, _AT_MOST, wait_seconds, _LINGER_SECONDS),
            batch=SQS_MAX_BATCH,
        )
        left = [ack for ack in taken if ack.reason == LEFT]
        ended = [ack for ack in taken if ack.reason != LEFT]
        to_delete = [ack for ack in ended if ack.succeeded or self._delete_failed_messages]
        try:
            undeleted = self._delete(to_delete)
            self._release(left)
            if self._hide_failed_messages:
                self._hide([ack for ack in ended if not ack.succeeded])
        except (QueueUnavailable, QueueUnusable):
            # Deleting a message twice is harmless, so the whole batch goes back.
            self._give_back(taken)
            raise
        done = [one for one in taken if one not in undeleted]
        self._leases.drop([one.handle for one in done])
        for acknowledgement in self._acknowledgements.confirm(self._queue.queue_name, done):
            if acknowledgement.reason == LEFT:
                self._record_left(acknowledgement)
            elif acknowledgement.reason != ENDED_BEFORE:
                with about(acknowledgement.about):
                    self._record(acknowledgement)
        return len(taken)

    def _delete(self, to_delete: list[Acknowledgement]) -> list[Acknowledgement]:
        """Delete messages; returns those that went back on the list for another try."""
        by_handle: dict[Handle, Acknowledgement] = {ack.handle: ack for ack in to_delete}
        failed = self._queue.delete(list(by_handle))
        for entry in failed:
            with about(by_handle[entry.handle].about):
                logger.warning(
                    "message not deleted",
                    extra={
                        "sqs_message_id": entry.handle.message_id,
                        "client_error_code": entry.code,
                        "will_retry": entry.may_retry,
                    },
                )
        self._totals.increase(deleted=len(by_handle) - len(failed))
        again = [by_handle[entry.handle] for entry in failed if entry.may_retry]
        self._give_back(again)
        return again

    def _release(self, left: list[Acknowledgement]) -> None:
        """Let whoever else receives from the queue have these. What fails is visible again soon."""
        if not left:
            return
        for entry in self._queue.change_visibility([ack.handle for ack in left], 0):
            logger.info(
                "visibility not changed",
                extra={
                    "sqs_message_id": entry.handle.message_id,
                    "client_error_code": entry.code,
                    "change": "release",
                },
            )

    def _record_left(self, acknowledgement: Acknowledgement) -> None:
        logger.info(
            "message left to others", extra={"sqs_message_id": acknowledgement.handle.message_id}
        )
        metrics.incr("left")

    def _hide(self, failed: list[Acknowledgement]) -> None:
        by_seconds: dict[int, list[Handle]] = defaultdict(list)
        now_ms = int(time.time() * 1000)
        for ack in failed:
            by_seconds[longest_seconds(ack.received_at_ms, now_ms)].append(ack.handle)
        for seconds, handles in by_seconds.items():
            for entry in self._queue.change_visibility(handles, seconds):
                logger.info(
                    "visibility not changed",
                    extra={
                        "sqs_message_id": entry.handle.message_id,
                        "client_error_code": entry.code,
                        "change": "hide failed",
                    },
                )

    def _give_back(self, acknowledgements: list[Acknowledgement]) -> None:
        self._acknowledgements.give_back(self._queue.queue_name, acknowledgements)

    def _record(self, acknowledgement: Acknowledgement) -> None:
        seconds = time.time() - acknowledgement.received_at_ms / 1000
        fields: dict[str, object] = {
            "sqs_message_id": acknowledgement.handle.message_id,
            "success": acknowledgement.succeeded,
            "message_process_time_s": round(seconds, 3),
        }
        if acknowledgement.succeeded:
            self._totals.increase(succeeded=1)
            fields["mail_age_s"] = note_age(Stage.DELETED)
            logger.info("message processed", extra=fields)
        else:
            self._totals.increase(failed=1)
            metrics.incr("failed", tags=[f"reason:{word_of(acknowledgement.reason)}"])
            logger.warning(
                "message failed",
                extra={
                    **fields,
                    "error": acknowledgement.reason,
                    "deleted": self._delete_failed_messages,
                },
            )
        metrics.timing("message_process_time", seconds * 1000)
        metrics.incr(
            "message", tags=[f"result:{'success' if acknowledgement.succeeded else 'failure'}"]
        )
