"""The line of those that wait for their turn to send, shared by all workers.

    relay:ses-turns:first    sorted set: who goes before others, in the order of arrival
    relay:ses-turns:others   sorted set: the others
    relay:ses-turns:seen     sorted set: when each last asked
    relay:ses-turns:state    hash: when the next turn is due

A turn is given when it is due, to whoever is first then. So a thread that is late, or dead, costs
the others nothing, and the whole rate is used while anybody waits. Whoever has not asked for two
seconds loses its place.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from runtime.lane import goes_first

if TYPE_CHECKING:
    from redis import Redis

_KEYS = tuple(f"relay:ses-turns:{one}" for one in ("first", "others", "seen", "state"))
_SCRIPT = Path(__file__).parent / "lua" / "take_turn.lua"


_STALE_MS = 2000
"""Whoever was not here for so long has left: as in the script."""


def find_in_line(client: "Redis", now_ms: int) -> int:
    """Find how many workers stand in line for their turn."""
    return int(client.zcount(_KEYS[2], now_ms - _STALE_MS, "+inf"))


class Turns:
    """The line. Errors of Redis pass through.

    `clock` is for tests: it goes by Redis's own, as hosts' clocks may differ.
    """

    def __init__(self, client: "Redis", clock: Callable[[], float] | None = None) -> None:
        self._clock = clock
        self._take_turn = client.register_script(_SCRIPT.read_text())

    def ask(self, ticket: str, per_second: float) -> float:
        """Ask for a turn; returns in how many seconds it may come, or 0 if it is taken."""
        return self._call(ticket, per_second, is_leaving=False)

    def leave(self, ticket: str) -> None:
        """Wait no longer."""
        self._call(ticket, 1, is_leaving=True)

    def _call(self, ticket: str, per_second: float, *, is_leaving: bool) -> float:
        now_ms = "" if self._clock is None else str(self._clock() * 1000)
        reply: int = self._take_turn(
            keys=list(_KEYS),
            args=[ticket, int(goes_first.get()), per_second, now_ms, int(is_leaving)],
        )
        return reply / 1000
