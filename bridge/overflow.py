"""Where messages go for which there is no room: to the overflow queue, or they wait in the bridge.

A message is sent to the overflow queue with its signed body as it is, and then deleted from its
own. A bridge that dies in between leaves two of it; claims are keyed by SNS's id, so its mail is
sent once. A message that the overflow queue does not take waits in the bridge, or is set aside. Its
lane is told first: the message may be back before the call that sent it has returned.

Moving takes two calls to SQS. Others make them, so that the poller goes on: a flood must be sifted
fast, since whatever came after it in the queue waits for that.

    poller thread    everything but the following; at most `_MOST_MOVES` batches are being moved,
                     and `_MOST_MOVING` messages
    mover threads    `_move_batch`: each batch is one's own; `Waiting` has a lock
    main thread      `close`, when the poller has ended
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import markus
from redis.exceptions import RedisError

from bridge.config import SQS_MAX_BATCH
from bridge.dispositions import Disposition
from bridge.ledger.dispatch import Dispatched, NotAdmitted, Work
from bridge.ledger.lanes import Lanes
from bridge.look_behind import LookBehind
from bridge.messages import Handle, Message
from bridge.ports import Queue, QueueUnavailable, QueueUnusable
from bridge.queue_changes import QueueChanges
from bridge.story_notes import StoryNotes
from bridge.totals import Totals, count_taken
from bridge.waiting import Waiting
from runtime.failures import fields_of
from runtime.message_context import about

logger = logging.getLogger(__name__)
metrics = markus.get_metrics("bridge")

RETRY_SECONDS = 5.0
"""How long the overflow queue is left alone after it took no message."""

Refused = tuple[Work, NotAdmitted]

MOVERS = 4
_MOST_MOVES = 8
_MOST_MOVING = 200

Submit = Callable[[Callable[[], None]], object]


class Overflow:
    """What the bridge of one queue does with messages that are not admitted.

    `target` is the overflow queue; None: there is none, or these messages came from it.
    """

    def __init__(
        self,
        target: Queue | None,
        lanes: Lanes,
        waiting: Waiting,
        changes: QueueChanges,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        submit: Submit | None = None,
        totals: Totals,
        notes: StoryNotes | None = None,
    ) -> None:
        self.waiting = waiting
        self.look_behind = LookBehind(waiting, monotonic=monotonic)
        self._notes = notes
        self._totals = totals
        self._movers = ThreadPoolExecutor(MOVERS, thread_name_prefix="mover")
        self._submit = submit or self._movers.submit
        self._may_move = threading.BoundedSemaphore(_MOST_MOVES)
        self._moving: dict[int, int] = {}
        """How many messages each batch has that is being moved."""
        self._target = target
        self._lanes = lanes
        self._changes = changes
        self._monotonic = monotonic
        self._retry_at = float("-inf")

    @property
    def has_target(self) -> bool:
        """Whether messages can go to an overflow queue."""
        return self._target is not None

    def limit(self, wanted: int) -> int:
        """Return how many messages may be received now, even if none of them can be moved.

        What finds no place then is set aside.
        """
        most = _MOST_MOVING if self._may_move_now() else self.waiting.free
        places = max(0, most - sum(list(self._moving.values())))
        return self.look_behind.limit(min(wanted, max(places, SQS_MAX_BATCH)), places)

    def put(
        self, refused: Sequence[Refused], *, is_counted: bool
    ) -> list[tuple[Handle, Disposition]]:
        """Take over messages; returns what became of each, or that it is being moved.

        `is_counted`: their lanes know of them, as they came back from the overflow.
        """
        if not self._may_move_now():
            if not is_counted:
                self._note_behind(refused)
            return self._keep(refused, is_counted=is_counted)
        self._may_move.acquire()
        self._moving[id(refused)] = len(refused)
        self._submit(partial(self._move_batch, refused))
        return [(work.handle, Disposition.MOVING) for work, _ in refused]

    def _may_move_now(self) -> bool:
        return self._target is not None and self._monotonic() >= self._retry_at

    def close(self) -> None:
        """End the moves that are under way."""
        self._movers.shutdown()

    def _move_batch(self, refused: Sequence[Refused]) -> None:
        try:
            self._note_behind(refused)
            moved = self._send([work for work, _ in refused])
            done = [(work, reason) for work, reason in refused if work.handle in moved]
            left = [(work, reason) for work, reason in refused if work.handle not in moved]
            results = [(work.handle, Disposition.OVERFLOWED) for work, _ in done]
            for work, reason in done:
                self._note(work, reason.why, Disposition.OVERFLOWED)
            # Before they are deleted: a bridge that dies in between tells nobody of them any more.
            self._tell()
            self._changes.delete([handle for handle, _ in results])
            self._count(results + self._keep(left, is_counted=False))
            self._tell()
        except Exception:
            # Nothing is lost: SQS delivers them again.
            logger.exception("messages not moved", extra={"message_count": len(refused)})
        finally:
            self._moving.pop(id(refused), None)
            self._may_move.release()

    def _keep(
        self, refused: Sequence[Refused], *, is_counted: bool
    ) -> list[tuple[Handle, Disposition]]:
        """Let messages wait. Those without a place are behind their lanes no more."""
        results: list[tuple[Handle, Disposition]] = []
        for work, reason in refused:
            disposition = self.waiting.add(work)
            self._note(work, reason.why, disposition)
            results.append((work.handle, disposition))
        self._changes.release([one for one, what in results if what is Disposition.REFUSED])
        if not is_counted:
            waits = {handle for handle, what in results if what is Disposition.WAITING}
            self._note_behind([one for one in refused if one[0].handle not in waits], by=-1)
        return results

    def move_waiting(self) -> None:
        """Send what waits to the overflow queue, if that takes messages again."""
        if len(self.waiting) and self._may_move_now():
            waiting = self.waiting.first(len(self.waiting))
            moved = self._send(waiting)
            for work in waiting:
                if self._notes is not None and work.handle in moved:
                    self._notes.note(Disposition.OVERFLOWED, work.about)
            self._tell()
            self._changes.delete(list(moved))
            self.waiting.drop(moved)

    def _send(self, works: Sequence[Work]) -> set[Handle]:
        """Send messages to the overflow queue; returns those that it took."""
        if self._target is None or not works or not self._may_move_now():
            return set()
        messages = [_message(work) for work in works]
        try:
            failed = {entry.handle for entry in self._target.send(messages)}
        except (QueueUnavailable, QueueUnusable) as error:
            # A part may have been sent: it is doubled, which is harmless.
            logger.warning("overflow queue takes nothing", extra={"client_error_code": error.code})
            self._retry_at = self._monotonic() + RETRY_SECONDS
            return set()
        return {work.handle for work in works} - failed

    def _tell(self) -> None:
        if self._notes is not None:
            self._notes.tell()

    def _note_behind(self, refused: Sequence[Refused], by: int = 1) -> None:
        try:
            self._lanes.note_behind([reason.lane for _, reason in refused], by)
        except RedisError as error:
            logger.warning("overflow not counted", extra=fields_of(error))

    def _count(self, results: Sequence[tuple[Handle, Disposition]]) -> None:
        """Count what became of messages that were being moved."""
        count_taken(Counter(what for _, what in results), self._totals)

    def _note(self, work: Work, why: Dispatched, disposition: Disposition) -> None:
        metrics.incr("not_admitted", tags=[f"reason:{why}"])
        extra = {"sqs_message_id": work.handle.message_id, "reason": why, "result": disposition}
        with about(work.about):
            logger.info("message not admitted", extra=extra)
        if self._notes is not None:
            self._notes.note(disposition, work.about, why)


def _message(work: Work) -> Message:
    handle = work.handle
    return Message(
        *(handle.message_id, handle.receipt_handle, work.body),
        receive_count=0,
        sent_at_ms=work.sent_at_ms,
        trace_header=work.trace_header,
    )
