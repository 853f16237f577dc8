"""How much the bridge may receive now: as much as it wants, or a trickle while workers can't work.

While one of the workers' breakers is open, a message that is received only waits in Redis. So
nothing comes in but a trickle: a fresh message may be the probe that closes the breaker. Each is
received once and then stays in flight, so that the trickle costs no message a second receive.

    poller thread   calls everything
"""

import time
from collections.abc import Callable

from runtime.breakers import Breakers

TRICKLE_SECONDS = 5.0


class Gate:
    """Lets messages in, by the workers' breakers."""

    def __init__(
        self,
        breakers: Breakers,
        *,
        trickle_seconds: float = TRICKLE_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._breakers = breakers
        self._trickle_seconds = trickle_seconds
        self._monotonic = monotonic
        self._trickle_at = float("-inf")

    def may_receive(self, wanted: int) -> int:
        """Return how many of the `wanted` messages may be received now."""
        if not self._breakers.find_open():
            return wanted
        now = self._monotonic()
        if now < self._trickle_at:
            return 0
        self._trickle_at = now + self._trickle_seconds
        return 1
