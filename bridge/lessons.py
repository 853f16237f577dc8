"""What a batch shows about settings and certificates: parks, suspects, tells the breakers.

poller thread   calls everything
"""

from collections import Counter
from collections.abc import Sequence

from bridge.breakers import BLAMES, OwnBreakers
from bridge.dispositions import Disposition
from bridge.judge import Judgement, Suspect, Undecided, has_passed
from bridge.messages import Message
from bridge.parking import Parking
from bridge.queue_changes import QueueChanges
from bridge.story_notes import StoryNotes
from runtime.message_context import MessageContext


class Lessons:
    """Learns from the judgements about one queue's messages."""

    def __init__(
        self,
        parking: Parking,
        breakers: OwnBreakers,
        changes: QueueChanges,
        notes: StoryNotes | None,
        *,
        delete_failed_messages: bool,
    ) -> None:
        self._parking = parking
        self._breakers = breakers
        self._changes = changes
        self._notes = notes
        self._delete_failed_messages = delete_failed_messages

    def look(self) -> None:
        """Open what many messages that failed alike point at, and report the breakers."""
        if (blame := self._parking.find_blame()) is not None:
            self._breakers.open(blame)
        self._breakers.report()

    def learn(self, judged: Sequence[tuple[Message, Judgement]]) -> Counter[Disposition]:
        """Learn from a batch; returns how many of it are not decided, and what they are now."""
        undecided = self._park(judged)
        judgements = [judgement for _, judgement in judged]
        if any(map(has_passed, judgements)):
            self._clear_suspects()
        elif codes := [one.code for one in judgements if isinstance(one, Undecided)]:
            self._breakers.failed(codes[0])
        return undecided

    def _park(self, judged: Sequence[tuple[Message, Judgement]]) -> Counter[Disposition]:
        counted = Counter[Disposition]()
        decided = [message.handle for message, one in judged if not isinstance(one, Undecided)]
        self._parking.drop(decided)
        for message, one in judged:
            match one:
                case Undecided(code) if not self._parking.has(message):
                    counted[disposition := self._parking.park(message, code)] += 1
                    if self._notes is not None:
                        about = MessageContext(message.message_id)
                        self._notes.note(disposition, about, "certificate_unavailable")
                case Suspect(blame, disposition):
                    self._parking.suspect(message, blame)
                    counted[disposition] += 1
        return counted

    def _clear_suspects(self) -> None:
        suspects = self._parking.clear_suspects()
        if self._breakers.worked():
            for handles in suspects.values():
                self._changes.release(handles)
        elif self._delete_failed_messages:
            for blame in BLAMES.values():
                self._changes.delete(suspects.get(blame, []))
