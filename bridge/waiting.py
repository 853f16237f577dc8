"""Messages that were received and for which there is no room now. They stay hidden in SQS.

They wait in order, and only while the overflow queue can't have them: it is not set, or away.

    poller thread      everything but the following
    heartbeat thread   `keep_hidden`
    main thread        `release_all`, when the poller has ended

The lock is held while SQS is asked, so that what is released is not hidden again.
"""

import itertools
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bridge import hidden
from bridge.ledger.dispatch import Work
from bridge.messages import Handle
from bridge.ports import Queue

MOST_WAITING = 100


@dataclass(frozen=True, slots=True)
class _Kept:
    work: Work
    since: float

    @property
    def handle(self) -> Handle:
        return self.work.handle


class Waiting:
    """What waits in one bridge, of one queue."""

    def __init__(
        self,
        queue: Queue,
        *,
        visibility_seconds: int,
        places: int = MOST_WAITING,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queue = queue
        self._visibility_seconds = visibility_seconds
        self._places = places
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def free(self) -> int:
        """How many messages more may wait."""
        return max(0, self._places - len(self._kept))

    def add(self, work: Work) -> bool:
        """Let a message wait; returns False if there is no place."""
        with self._lock:
            message_id = work.handle.message_id
            if message_id not in self._kept and not self.free:
                return False
            known = self._kept.get(message_id)
            self._kept[message_id] = _Kept(work, known.since if known else self._monotonic())
            return True

    def first(self, number: int) -> list[Work]:
        """Return those that have waited longest."""
        with self._lock:
            return [one.work for one in itertools.islice(self._kept.values(), number)]

    def find_oldest_ms(self) -> int | None:
        """Find when SES received the oldest of these (ms)."""
        with self._lock:
            received = [kept.work.about.received_at_ms for kept in self._kept.values()]
            return min((one for one in received if one), default=None)

    def drop(self, handles: Iterable[Handle]) -> None:
        """These wait no longer."""
        with self._lock:
            hidden.drop(self._kept, handles)

    def keep_hidden(self) -> None:
        """Extend the visibility of all, and let go what SQS would not hide much longer.

        Errors of SQS pass through; the next heartbeat tries again.
        """
        with self._lock:
            hidden.extend(self._queue, self._kept, self._visibility_seconds, self._monotonic())

    def release_all(self) -> None:
        """Let other bridges have everything, at once. What fails is visible again soon."""
        with self._lock:
            handles = [one.handle for one in self._kept.values()]
            self._kept.clear()
            hidden.release(self._queue, handles)
