"""Messages that this bridge received and gave back to SQS: deferred, refused by Redis, failed.

They are remembered for the age of the oldest unsettled mail, until some bridge must have received
them again.

    poller thread       `note`, `forget`
    main poller thread  `find_oldest_ms`, for the overflow's messages as well
"""

import threading
import time
from collections.abc import Callable

from bridge.messages import Message

REMEMBERED_SECONDS = 900.0
_MOST = 1_000


class GivenBack:
    """When these messages were sent, by id."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._sent: dict[str, tuple[int, float]] = {}
        self._lock = threading.Lock()

    def note(self, message: Message) -> None:
        """Remember a message that was given back. Of too many, the oldest are remembered."""
        until = self._monotonic() + REMEMBERED_SECONDS
        with self._lock:
            if message.message_id in self._sent or len(self._sent) < _MOST:
                self._sent[message.message_id] = (message.sent_at_ms, until)

    def forget(self, message_id: str) -> None:
        """The message was received again, and now it is known what to do with it."""
        with self._lock:
            self._sent.pop(message_id, None)

    def find_oldest_ms(self) -> int | None:
        """Find when the oldest of them was sent (ms); None: there is none."""
        now = self._monotonic()
        with self._lock:
            self._sent = {name: one for name, one in self._sent.items() if one[1] > now}
            return min((sent_ms for sent_ms, _ in self._sent.values()), default=None)
