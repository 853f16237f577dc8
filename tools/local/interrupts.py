"""Records SIGINT and SIGTERM, so that neither a start nor a stop is cut off halfway."""

import signal
from types import FrameType


class Interrupted(Exception):
    """A signal asked this process to end; `exit_code` is the one that shells expect then."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


class Interrupts:
    """Records this process's signals; call `check` where it may end."""

    def __init__(self) -> None:
        self._number: int | None = None
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._record)

    def check(self) -> None:
        """Raise `Interrupted` if a signal has arrived."""
        if self._number is not None:
            raise Interrupted(self._number)

    def _record(self, number: int, frame: FrameType | None) -> None:
        self._number = number
