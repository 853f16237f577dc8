"""Messages that were received and for which there is no room now. They stay hidden in SQS.

They wait in order, and only while the overflow queue can't have them: it is not set, or away. What
finds no place any more is set aside (`aside.py`).

    poller thread      everything but the following
    mover threads      `add`
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
from bridge.aside import MOST_ASIDE, Aside
from bridge.dispositions import Disposition
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
        places_aside: int = MOST_ASIDE,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queue = queue
        self._visibility_seconds = visibility_seconds
        self._places = places
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}
        self.aside = Aside(
            queue,
            visibility_seconds=visibility_seconds,
            places=places_aside,
            monotonic=monotonic,
        )

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits here or is set aside."""
        return not (self._kept or len(self.aside))

    @property
    def free(self) -> int:
        """How many messages more may wait."""
        return max(0, self._places - len(self._kept))

    @property
    def is_half_free(self) -> bool:
        """Whether half of the places are free."""
        return 2 * len(self._kept) <= self._places

    def add(self, work: Work) -> Disposition:
        """Let a message wait, or set it aside; refused, if there is no place at all."""
        with self._lock:
            message_id = work.handle.message_id
            if message_id in self._kept or self.free:
                known = self._kept.get(message_id)
                self._kept[message_id] = _Kept(work, known.since if known else self._monotonic())
                return Disposition.WAITING
        return Disposition.SET_ASIDE if self.aside.add(work) else Disposition.REFUSED

    def first(self, number: int) -> list[Work]:
        """Return those that have waited longest."""
        with self._lock:
            return [one.work for one in itertools.islice(self._kept.values(), number)]

    def find_oldest_ms(self) -> int | None:
        """Find when SES received the oldest of these, set aside or not (ms)."""
        with self._lock:
            received = [kept.work.about.received_at_ms for kept in self._kept.values()]
        return min(filter(None, [*received, self.aside.find_oldest_ms()]), default=None)

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
        self.aside.keep_hidden()

    def release_all(self) -> None:
        """Let other bridges have everything, at once. What fails is visible again soon."""
        with self._lock:
            handles = [one.handle for one in self._kept.values()]
            self._kept.clear()
            hidden.release(self._queue, handles)
        self.aside.release_all()
