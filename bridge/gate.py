"""How much the bridge may receive now: as much as it wants, or a trickle while a breaker is open.

While one of the workers' breakers is open, a message that is received only waits in Redis; while
one of the bridge's own is open, it can't be judged. So nothing comes in but a trickle: a fresh
message may be the probe that closes the breaker. Each is received once, then stays in flight or is
kept hidden, so that the trickle costs no message a second receive.

While certificates can't be fetched, no more comes in than can be parked.

    poller thread   calls everything
"""

import time
from collections.abc import Callable

from bridge.breakers import OwnBreakers
from bridge.parking import Parking
from runtime.breakers import Breakers

TRICKLE_SECONDS = 5.0


class Gate:
    """Lets messages in, by the workers' breakers and the bridge's own."""

    def __init__(
        self,
        workers: Breakers,
        own: OwnBreakers,
        parking: Parking,
        *,
        trickle_seconds: float = TRICKLE_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._workers = workers
        self._own = own
        self._parking = parking
        self._trickle_seconds = trickle_seconds
        self._monotonic = monotonic
        self._trickle_at = float("-inf")

    def may_receive(self, wanted: int) -> int:
        """Return how many of the `wanted` messages may be received now."""
        if self._own.is_failing:
            wanted = min(wanted, self._parking.free)
        if wanted == 0 or not (self._workers.find_open() or self._own.find_open()):
            return wanted
        now = self._monotonic()
        if now < self._trickle_at:
            return 0
        self._trickle_at = now + self._trickle_seconds
        return 1

    def received_no_work(self) -> None:
        """Note that what came in is nothing for workers: it is no probe, so the next may come now.

        Otherwise thousands of `Send` events would stand before the mail that closes the breaker.
        """
        self._trickle_at = float("-inf")
