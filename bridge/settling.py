"""Settles what became of a batch: deletes and hides in SQS, remembers what was given back, counts.

poller thread   calls everything
"""

from collections import Counter
from collections.abc import Sequence

from bridge.dispositions import NEEDS_NOTHING_MORE, Disposition
from bridge.given_back import GivenBack
from bridge.messages import Handle, Message
from bridge.parking import Parking
from bridge.queue_changes import QueueChanges
from bridge.receive_spans import end_messages
from bridge.story_notes import StoryNotes
from bridge.totals import Totals, count_arrived, count_taken
from bridge.visibility import longest_seconds

Results = list[tuple[Handle, Disposition]]

_UNDONE = frozenset({Disposition.DEFERRED, Disposition.REFUSED, Disposition.ERROR})
"""A message that ended so is in SQS as before."""


class Settling:
    """Does this for one queue."""

    def __init__(
        self,
        changes: QueueChanges,
        parking: Parking,
        totals: Totals,
        notes: StoryNotes | None,
        *,
        delete_failed_messages: bool,
    ) -> None:
        self.given_back = GivenBack()
        self._changes = changes
        self._parking = parking
        self._totals = totals
        self._notes = notes
        self._delete_failed_messages = delete_failed_messages

    def note_received(self, messages: Sequence[Message], results: Results) -> None:
        """Note what became of messages that were just received. What is parked has no result."""
        by_handle = dict(results)
        for message in messages:
            if by_handle.get(message.handle, Disposition.DEFERRED) not in _UNDONE:
                self.given_back.forget(message.message_id)
            elif not self._parking.has(message):
                self.given_back.note(message)
        count_arrived(messages, by_handle)
        end_messages(messages, by_handle)
        if self._notes is not None:
            self._notes.tell()

    def finish(
        self, results: Results, undecided: Counter[Disposition], now_ms: int
    ) -> Counter[Disposition]:
        """Delete and hide what has to be; returns how many became what, the undecided included."""
        dispositions = undecided + Counter(result for _, result in results)
        self._changes.delete([handle for handle, result in results if self._may_delete(result)])
        failed = [handle for handle, result in results if self._must_hide(result)]
        self._changes.hide(failed, longest_seconds(now_ms, now_ms))
        count_taken(dispositions, self._totals)
        return dispositions

    def _may_delete(self, result: Disposition) -> bool:
        if result in NEEDS_NOTHING_MORE:
            return True
        is_failure = result in (Disposition.REJECTED, Disposition.ALREADY_FAILED)
        return is_failure and self._delete_failed_messages

    def _must_hide(self, result: Disposition) -> bool:
        return result is Disposition.ALREADY_FAILED and not self._may_delete(result)
