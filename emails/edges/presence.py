"""Which worker processes are alive, as far as Redis knows.

    relay:alive:NAME   the process has beaten lately

A process that was suspended, or has lost Redis, is silent, too. So silence alone proves no death.
"""

from typing import TYPE_CHECKING

from runtime.presence import PRESENCE, Presence
from runtime.uptime import uptime_seconds

if TYPE_CHECKING:
    from redis import Redis

SILENT_SECONDS = 20
"""How long after its last beat a process counts as silent. Beats come every five seconds."""


class RedisPresence:
    """The presence of all worker processes. Doesn't catch Redis's errors."""

    def __init__(self, client: "Redis", own: Presence = PRESENCE) -> None:
        self._redis = client
        self._own = own

    @property
    def name(self) -> str:
        """The name of this process; empty if it does not beat."""
        return self._own.name

    def is_fresh(self) -> bool:
        """Return whether nobody can take this process for dead now."""
        return self._own.is_fresh()

    def is_silent(self, name: str) -> bool:
        """Return whether a process has not beaten lately."""
        return not self._redis.exists(_key(name))

    def beat(self) -> None:
        """Tell the others that this process is alive."""
        began_at = uptime_seconds()
        self._redis.set(_key(self.name), 1, ex=SILENT_SECONDS)
        self._own.note_beat(began_at)

    def leave(self) -> None:
        """Tell the others that this process has ended all its work."""
        self.note_end_of(self.name)

    def note_end_of(self, name: str) -> None:
        """Tell the others that a process has ended, in order or not. It must be certain."""
        self._redis.delete(_key(name))


def _key(name: str) -> str:
    return f"relay:alive:{name}"
