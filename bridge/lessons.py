"""What a batch shows about settings and certificates: parks, suspects, tells the breakers.

poller thread   calls everything
"""

import time
from collections import Counter
from collections.abc import Sequence

from bridge.breakers import BLAMES, Blame, OwnBreakers
from bridge.dispositions import Disposition
from bridge.judge import Judgement, Suspect, Undecided, has_passed
from bridge.messages import Handle, Message
from bridge.parking import Parking
from bridge.queue_changes import QueueChanges
from bridge.story_notes import StoryNotes
from runtime.message_context import MessageContext

_OLD_SECONDS = 30
"""What was sent so long ago tells nothing of how things are now."""


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
        self.is_outdated = False
        """Whether the last batch tells nothing of how things are now, and all of it is kept."""

    def look(self) -> None:
        """Open what many messages that failed alike point at, and report the breakers."""
        if (blame := self._parking.find_blame()) is not None:
            self._breakers.open(blame)
        self._breakers.report()

    def learn(self, judged: Sequence[tuple[Message, Judgement]]) -> Counter[Disposition]:
        """Learn from a batch; returns how many of it are not decided, and what they are now."""
        undecided = self._park(judged)
        if passed := [message.sent_at_ms for message, one in judged if has_passed(one)]:
            self._clear_suspects(max(passed))
        elif codes := [one.code for _, one in judged if isinstance(one, Undecided)]:
            self._breakers.failed(codes[0])
        self.is_outdated = bool(judged) and self._is_outdated(judged)
        return undecided

    def _is_outdated(self, judged: Sequence[tuple[Message, Judgement]]) -> bool:
        before_ms = (time.time() - _OLD_SECONDS) * 1000
        return not self._parking.is_full_of_suspects and all(
            isinstance(one, Suspect) and message.sent_at_ms < before_ms for message, one in judged
        )

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
                    if not self._parking.suspect(message, blame):
                        self._reject([message.handle], blame)
                    counted[disposition] += 1
        return counted

    def _clear_suspects(self, passed_sent_at_ms: int) -> None:
        suspects = self._parking.clear_suspects(passed_sent_at_ms)
        was_open = self._breakers.worked()
        for blame, handles in suspects.items():
            if was_open:
                self._changes.release(handles)
            else:
                self._reject(handles, blame)

    def _reject(self, handles: Sequence[Handle], blame: Blame) -> None:
        """Delete messages that are at fault themselves, if operators chose that."""
        if self._delete_failed_messages and blame in BLAMES.values():
            self._changes.delete(handles)
