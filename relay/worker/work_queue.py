"""The messages that a worker process has fetched, in the order in which its threads take them.

Dramatiq has one queue for all of them. This one lets feedback go first, then mail, then periodic
jobs, then bulk: mail of lanes that have others in flight, and large mail. Bulk and jobs get every
tenth start at least.

There are two threads more than those that bulk and jobs may have. One is for mail, so that a mail
need not wait until one of the others ends, and one is feedback's own: if all others wait for SES, a
bounce doesn't.

    consumer threads   put, which wakes one thread
    worker threads     get, then `task_done`, then get again: each takes what it made room for

All under one lock.
"""

import itertools
import threading
import time
from collections import deque
from enum import Enum, auto
from queue import Empty
from typing import Any

from emails import wire

MAIL_THREADS, _FEEDBACK_THREADS = 1, 1
EXTRA_THREADS = MAIL_THREADS + _FEEDBACK_THREADS
"""How many threads more a process has than bulk and jobs may use."""

MOST_LARGE = 1
"""How many large mails run at once: more would be no faster, each keeps the interpreter busy."""

LARGE = "large"
"""The option that says how many bytes a large mail has."""

_BEFORE_BULK = 9
"""How many mails begin, at most, before a job or a mail that waits in bulk."""


class _Kind(Enum):
    FEEDBACK = auto()
    MAIL = auto()
    JOB = auto()
    BULK = auto()
    LARGE = auto()


class WorkQueue:
    """A queue for the threads of one worker, as `queue.PriorityQueue` is.

    `threads` is how many jobs and mails of bulk run at once.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        lock = threading.Lock()
        self._added, self._ended = threading.Condition(lock), threading.Condition(lock)
        self._arrivals = itertools.count()
        self._waiting: dict[_Kind, deque[tuple[int, Any]]] = {kind: deque() for kind in _Kind}
        self._running: dict[int, _Kind] = {}
        """What each thread works on, by its id."""
        self._passed = 0
        self.unfinished_tasks = 0

    def put(self, item: Any) -> None:
        """Add an item of Dramatiq's, which has a message."""
        with self._added:
            self._waiting[_kind_of(item.message)].append((next(self._arrivals), item))
            self.unfinished_tasks += 1
            self._added.notify()

    def get(self, timeout: float) -> Any:
        """Take the next item that may run. Raises `Empty` after `timeout` seconds."""
        until = time.monotonic() + timeout
        with self._added:
            while (kind := self._next()) is None:
                left = until - time.monotonic()
                if left <= 0 or not self._added.wait(left):
                    raise Empty
            self._note_start(kind)
            return self._waiting[kind].popleft()[1]

    def get_nowait(self) -> Any:
        """Take any item, to give it back to Redis. Raises `Empty`."""
        with self._added:
            for items in self._waiting.values():
                if items:
                    return items.popleft()[1]
        raise Empty

    def task_done(self) -> None:
        """Note that this thread has ended what it took."""
        with self._ended:
            self._running.pop(threading.get_ident(), None)
            self.unfinished_tasks -= 1
            self._ended.notify_all()

    def join(self) -> None:
        """Wait until all that was put has ended."""
        with self._ended:
            self._ended.wait_for(lambda: self.unfinished_tasks <= 0)

    def qsize(self) -> int:
        """Count what waits."""
        return sum(map(len, self._waiting.values()))

    def _next(self) -> _Kind | None:
        if self._waiting[_Kind.FEEDBACK]:
            return _Kind.FEEDBACK
        running = list(self._running.values())
        number = len(running) - running.count(_Kind.FEEDBACK)
        if number >= self._threads + MAIL_THREADS:
            return None
        other = self._next_other(running) if number < self._threads else None
        if self._waiting[_Kind.MAIL] and (other is None or self._passed < _BEFORE_BULK):
            return _Kind.MAIL
        return other

    def _next_other(self, running: list[_Kind]) -> _Kind | None:
        """Return which kind is next if not mail: jobs; then what has waited longest in bulk."""
        if self._waiting[_Kind.JOB]:
            return _Kind.JOB
        kinds = [_Kind.BULK, _Kind.LARGE]
        if running.count(_Kind.LARGE) >= MOST_LARGE:
            kinds.remove(_Kind.LARGE)
        waiting = [(self._waiting[kind][0][0], kind) for kind in kinds if self._waiting[kind]]
        return min(waiting, default=(0, None), key=lambda one: one[0])[1]

    def _note_start(self, kind: _Kind) -> None:
        self._running[threading.get_ident()] = kind
        if kind is _Kind.MAIL:
            others = (self._waiting[one] for one in (_Kind.JOB, _Kind.BULK, _Kind.LARGE))
            self._passed = self._passed + 1 if any(others) else 0
        elif kind is not _Kind.FEEDBACK:
            self._passed = 0


def goes_first(message: Any) -> bool:
    """Return whether a message goes before others: it is neither bulk nor a periodic job."""
    return _kind_of(message) in (_Kind.FEEDBACK, _Kind.MAIL)


def _kind_of(message: Any) -> _Kind:
    match message.queue_name:
        case wire.FEEDBACK_QUEUE:
            return _Kind.FEEDBACK
        case wire.INBOUND_QUEUE:
            return _Kind.MAIL
        case wire.BULK_QUEUE:
            return _Kind.LARGE if LARGE in message.options else _Kind.BULK
        case _:
            return _Kind.JOB
