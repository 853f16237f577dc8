"""SIGINT and SIGTERM, noted: nothing is cut half-way, neither a start nor a stop."""

import signal
from types import FrameType


class Interrupted(Exception):
    """Somebody wants us to end; `exit_code` is what a shell expects of us then."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


class Interrupts:
    """Notes the signals of this process from now on; `check` is called where we may end."""

    def __init__(self) -> None:
        self._number: int | None = None
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._note)

    def check(self) -> None:
        """Raise `Interrupted` if a signal has come."""
        if self._number is not None:
            raise Interrupted(self._number)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._number = number
