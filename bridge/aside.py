"""Mails beyond those that wait in the bridge: hidden in SQS, and known by their handles alone.

So the bridge can look at what is behind them, for feedback and for others' mail. When places get
free, the oldest are shown again, and received a second time.

They are hidden for twice as long each time, up to `_LONGEST_SECONDS`: a bridge that dies delays
them by no more than they have waited already.

    poller thread      everything but the following
    mover threads      `add`
    heartbeat thread   `keep_hidden`
    main thread        `release_all`, when the poller has ended

The lock is held while SQS is asked, for a few messages at a time, so that what is shown is not
hidden again.
"""

import itertools
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from bridge import hidden
from bridge.ledger.dispatch import Work
from bridge.messages import Handle
from bridge.ports import Queue

MOST_ASIDE = 10_000

_LONGEST_SECONDS = 900
_AT_ONCE = 20
"""How many are extended while the lock is held."""


@dataclass(frozen=True, slots=True)
class _Kept:
    handle: Handle
    received_at_ms: int
    since: float
    hidden_until: float
    hidden_seconds: int


class Aside:
    """What one bridge set aside, of one queue."""

    def __init__(
        self,
        queue: Queue,
        *,
        visibility_seconds: int,
        places: int = MOST_ASIDE,
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
    def is_full(self) -> bool:
        """Whether nothing more may be set aside."""
        return len(self._kept) >= self._places

    def add(self, work: Work) -> bool:
        """Set a message aside that was just received; returns False if there is no place."""
        now, seconds = self._monotonic(), self._visibility_seconds
        with self._lock:
            if self.is_full:
                return False
            received_at_ms = work.about.received_at_ms
            kept = _Kept(work.handle, received_at_ms, now, now + seconds, seconds)
            self._kept[work.handle.message_id] = kept
            return True

    def drop(self, handles: Iterable[Handle]) -> None:
        """These were received again."""
        with self._lock:
            hidden.drop(self._kept, handles)

    def show(self, number: int) -> int:
        """Show the oldest again; returns how many. Errors of SQS pass through."""
        with self._lock:
            handles = [one.handle for one in itertools.islice(self._kept.values(), number)]
            # One that fails is visible already.
            self._queue.change_visibility(handles, 0)
            hidden.drop(self._kept, handles)
            return len(handles)

    def find_oldest_ms(self) -> int | None:
        """Find when SES received the oldest of these (ms)."""
        with self._lock:
            received = (one.received_at_ms for one in self._kept.values())
            return min((one for one in received if one), default=None)

    def keep_hidden(self) -> None:
        """Extend the visibility of those that would be visible soon.

        Errors of SQS pass through; the next heartbeat tries again.
        """
        for seconds, names in self._find_due().items():
            for start in range(0, len(names), _AT_ONCE):
                self._extend(names[start : start + _AT_ONCE], seconds)

    def release_all(self) -> None:
        """Let other bridges have everything, at once. What fails is visible again later."""
        with self._lock:
            handles = [one.handle for one in self._kept.values()]
            self._kept.clear()
            hidden.release(self._queue, handles)

    def _find_due(self) -> dict[int, list[str]]:
        """Find those, by how long they are to be hidden now."""
        soon, due = self._monotonic() + self._visibility_seconds, defaultdict[int, list[str]](list)
        longest = max(self._visibility_seconds, _LONGEST_SECONDS)
        with self._lock:
            for name, one in self._kept.items():
                if one.hidden_until <= soon:
                    due[min(2 * one.hidden_seconds, longest)].append(name)
        return due

    def _extend(self, names: Iterable[str], seconds: int) -> None:
        with self._lock:
            now = self._monotonic()
            left = {name: self._kept[name] for name in names if name in self._kept}
            extended = dict(left)
            hidden.extend(self._queue, extended, seconds, now)
            for name, one in left.items():
                if name not in extended:
                    del self._kept[name]
                    continue
                until = now + seconds
                self._kept[name] = replace(one, hidden_until=until, hidden_seconds=seconds)
