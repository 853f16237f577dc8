"""The name by which this worker process is known to the others, and when it last proved to live.

One for each process: what beats and what sends mails are built apart, and meet here.
"""

import os
import re
import socket
import uuid

from runtime.uptime import uptime_seconds

FRESH_SECONDS = 10.0
"""For how long after a beat nobody can take this process for dead, with time for a send."""

_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9.-]")


class Presence:
    """A process's presence. It has no name, and is never fresh, until `begin`."""

    def __init__(self) -> None:
        self.name = ""
        self._beaten_at = float("-inf")

    def begin(self) -> None:
        """Take a name that no process had before, not even one with this host and pid."""
        host = _NOT_IN_A_NAME.sub("-", socket.gethostname())[:32]
        self.name = f"worker:{host}:{os.getpid()}:{uuid.uuid4().hex[:8]}"

    def note_beat(self, began_at: float) -> None:
        """Note a successful beat that began at this time."""
        self._beaten_at = began_at

    def is_fresh(self) -> bool:
        """Return whether the last beat is recent enough."""
        return uptime_seconds() - self._beaten_at < FRESH_SECONDS


PRESENCE = Presence()
"""That of this process."""
