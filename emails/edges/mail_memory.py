"""How many bytes of large mails this process works on at a time.

A mail takes several times its size while it is rewritten and sent, and its sender decides how many
large ones come at once. So a large mail needs room before its body is read; its size is known by
then. One that finds none is put back, so that no thread waits: small mails, which need no room, go
on. One large mail always fits.
"""

import threading

from emails.values.errors import NotFinished
from emails.values.outcomes import RetryReason

SMALL_BYTES = 1024 * 1024
"""Up to this size a mail needs no room: each thread may have one."""


class MailMemory:
    """The room of one process. Thread-safe."""

    def __init__(self, budget_bytes: int) -> None:
        self._budget = budget_bytes
        self._lock = threading.Lock()
        self._taken = 0

    def room(self) -> "Room":
        """Return the room of one mail, of no size yet."""
        return Room(self)

    def take(self, size: int) -> None:
        """Take so many bytes. Raises `NotFinished` if others have too many."""
        with self._lock:
            if self._taken and self._taken + size > self._budget:
                raise NotFinished(RetryReason.MEMORY_FULL)
            self._taken += size

    def give_back(self, size: int) -> None:
        """Give back so many bytes."""
        with self._lock:
            self._taken -= size


class Room:
    """The room of one mail, until it `leave`s. Used by one thread."""

    def __init__(self, memory: MailMemory) -> None:
        self._memory = memory
        self._size = 0

    def take(self, size: int) -> None:
        """Take room for a mail of this size. Raises `NotFinished` if there is none now."""
        if size <= SMALL_BYTES:
            return
        self._memory.take(size)
        self._size += size

    def leave(self) -> None:
        """Give the room back: nothing holds the mail any more."""
        self._memory.give_back(self._size)
        self._size = 0
