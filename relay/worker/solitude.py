"""Lets a message that is suspected of killing its workers run alone in its process.

When a process dies, all messages that ran in it are suspects: one of them may have killed it. They
come back together, and would die together again until none is left. Alone, a message can only kill
itself.

    worker threads   begin and end, under the condition's lock; wait on it, outside of time limits

A death delays all that the process has fetched and not begun. So a suspect lets these go first, for
longer the oftener it has met a death: otherwise the first one to arrive after a start, when nothing
runs, would begin at once.

Nobody waits for long: a message that is stuck in C code, rather than deadly, must not stop others.
"""

import threading
import time
from collections.abc import Callable

PATIENCE_SECONDS = 10.0

HEAD_START_SECONDS = 1.0
"""How long a suspect lets others go first, for each death that it has met."""


class Solitude:
    """One process's running messages."""

    def __init__(
        self,
        patience_seconds: float = PATIENCE_SECONDS,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._patience_seconds = patience_seconds
        self._sleep = sleep
        self._changed = threading.Condition()
        self._running = 0
        self._running_suspects = 0
        self._waiting: list[int] = []
        """How often each suspect that waits has met a death. Who met fewest goes first."""

    def begin(self) -> None:
        """Begin with a message. Waits while suspects wait or run."""
        with self._changed:
            self._changed.wait_for(self._has_no_suspect, self._patience_seconds)
            self._running += 1

    def begin_alone(self, deaths: int) -> None:
        """Begin with a suspect. Lets others go first, then waits until nothing else runs."""
        self._sleep(HEAD_START_SECONDS * deaths)
        with self._changed:
            self._waiting.append(deaths)
            self._changed.wait_for(
                lambda: self._running == 0 and min(self._waiting) == deaths,
                self._patience_seconds,
            )
            self._waiting.remove(deaths)
            self._running += 1
            self._running_suspects += 1
            self._changed.notify_all()

    def end(self, *, is_suspect: bool) -> None:
        """End what was begun."""
        with self._changed:
            self._running -= 1
            self._running_suspects -= is_suspect
            self._changed.notify_all()

    def _has_no_suspect(self) -> bool:
        return not self._waiting and not self._running_suspects
