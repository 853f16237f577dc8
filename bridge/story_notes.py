"""What a bridge has to tell of messages that it does not dispatch."""

import threading
from collections import deque
from typing import TYPE_CHECKING

from bridge.ledger.story import Event, Story
from runtime.message_context import MessageContext

if TYPE_CHECKING:
    from redis import Redis

_MOST_NOTED = 1_000


class StoryNotes:
    """Notes events for `manage.py trace`. Thread-safe.

    Noted one by one, and told together: by whoever notes, after a batch. What was noted before
    `tell` is told when it returns, whichever thread tells it, or waits for the next call.
    """

    def __init__(self, client: "Redis", story: Story) -> None:
        self._redis = client
        self._story = story
        self._noted: deque[Event] = deque(maxlen=_MOST_NOTED)
        self._telling = threading.Lock()

    def note(self, what: str, message: MessageContext, detail: str = "") -> None:
        """Note what became of a message."""
        self._noted.append(Event(0, what, message.sqs_message_id, message.to_text(), detail))

    def tell(self) -> None:
        """Tell what was noted. Never raises."""
        with self._telling:
            events = []
            while self._noted:
                events.append(self._noted.popleft())
            if not self._story.tell(self._redis, events):
                self._noted.extendleft(reversed(events))
