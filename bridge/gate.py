"""How much the bridge may receive now: as much as it wants, or a trickle while a breaker is open.

While one of the workers' breakers is open, a message that is received only waits in Redis; while
one of the bridge's own is open, it can't be judged. So nothing comes in but a trickle: a fresh
message may be the probe that closes the breaker. Each is received once, then stays in flight or is
kept hidden, so that the trickle costs no message a second receive.

While an operator pauses receiving, nothing comes in. While they pause sending, no mail is
dispatched; feedback is, if mail has a place to go.

While certificates can't be fetched, no more comes in than can be parked.

    poller thread   calls everything
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from bridge.breakers import OwnBreakers
from bridge.parking import Parking
from runtime.breakers import Breakers
from runtime.controls.values import Action
from runtime.controls.watch import ControlWatch
from runtime.dependencies import Dependency

TRICKLE_SECONDS = 5.0


_ONLY_FOR_MAIL = frozenset({Dependency.SES, Dependency.S3})


@dataclass(frozen=True, slots=True)
class Allowed:
    """How many messages may be received, and how many mails may be dispatched; None: all."""

    messages: int
    mails: int | None = None


class Gate:
    """Lets messages in, by the workers' breakers, the bridge's own, and the operators' controls."""

    def __init__(
        self,
        workers: Breakers,
        own: OwnBreakers,
        parking: Parking,
        controls: ControlWatch,
        *,
        trickle_seconds: float = TRICKLE_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._workers = workers
        self._own = own
        self._parking = parking
        self._controls = controls
        self._trickle_seconds = trickle_seconds
        self._monotonic = monotonic
        self._trickle_at = float("-inf")

    def allow(self, wanted: int, *, has_overflow: bool = False) -> Allowed:
        """Return how many of the `wanted` messages may be received and dispatched now.

        `has_overflow`: mail that can't be dispatched has a place to go. Then all may be received
        while only mail can't be worked on: the feedback among it must not wait.
        """
        if self._controls.is_paused(Action.PAUSE_RECEIVING):
            return Allowed(0, 0)
        if self._controls.is_paused(Action.PAUSE_SENDING):
            return Allowed(wanted if has_overflow and not self._own.find_open() else 0, 0)
        if self._own.is_failing:
            wanted = min(wanted, self._parking.free)
        of_workers, own = self._workers.find_open(), self._own.find_open()
        if wanted == 0 or not (of_workers or own):
            return Allowed(wanted)
        trickle = self._trickle()
        if has_overflow and not own and of_workers.keys() <= _ONLY_FOR_MAIL:
            return Allowed(wanted, trickle)
        return Allowed(trickle, trickle)

    def may_receive(self, wanted: int) -> int:
        """Return how many of the `wanted` messages may be received now."""
        return self.allow(wanted).messages

    def _trickle(self) -> int:
        now = self._monotonic()
        if now < self._trickle_at:
            return 0
        self._trickle_at = now + self._trickle_seconds
        return 1

    def received_no_probe(self) -> None:
        """Note that what came in can't close a breaker, so the next message may come now.

        Otherwise thousands of `Send` events, or of messages from the time of the fault, would stand
        before the mail that closes it.
        """
        self._trickle_at = float("-inf")
