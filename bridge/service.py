"""The running bridge: three loops side by side, and how they end.

    poller         demand, receive, verify, dispatch; logs cycles, writes the health file
    acknowledger   acknowledgements → batched deletes
    heartbeat      extends the visibility of messages in flight, and of parked ones
    main thread    waits for the order to stop, then for the other threads

They share the queue (boto3's clients are thread-safe), the connection pool to Redis, and `Leases`
and `Parking`, which have locks; each of the totals has one writer. On the order to stop, the poller
finishes the receive that is under way and releases what it brings; then what is parked is released.
The other two go on until everything that this bridge dispatched has ended, or the grace period is
over. The workers finish what is in flight after that; another bridge deletes it, or this one after
a restart.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from bridge.breakers import OwnBreakers
from bridge.config import BridgeConfig
from bridge.deleter import Deleter
from bridge.dispositions import Disposition
from bridge.gate import Gate
from bridge.ledger.acknowledgements import Acknowledgements
from bridge.ledger.in_flight import InFlight
from bridge.loops import REMOTE_ERRORS, run_loop
from bridge.parking import Parking
from bridge.poller import Poller
from bridge.ports import Queue
from bridge.reporter import Reporter
from bridge.visibility import Leases, Visibility

logger = logging.getLogger(__name__)

_FULL_WAIT_SECONDS = 0.05
_CLOSED_WAIT_SECONDS = 0.5
_ACKNOWLEDGEMENT_WAIT_SECONDS = 1.0
_GRACE_CHECK_SECONDS = 0.1
_LAST_CALL_SECONDS = 15.0
"""How long a call that is under way at shutdown may still take."""


@dataclass(frozen=True, slots=True)
class Components:
    """The parts of the service."""

    queue: Queue
    in_flight: InFlight
    acknowledgements: Acknowledgements
    leases: Leases
    gate: Gate
    parking: Parking
    breakers: OwnBreakers
    poller: Poller
    deleter: Deleter
    visibility: Visibility
    reporter: Reporter


class Service:
    """Runs the loops until the order to stop or, with `drain`, until nothing is left to do."""

    def __init__(
        self,
        config: BridgeConfig,
        components: Components,
        stopping: threading.Event,
        *,
        drain: bool,
    ) -> None:
        self._config = config
        self._components = components
        self._drain = drain
        self._stopping = stopping
        self._leaving = threading.Event()
        self._exit_on = "interrupt"

    def stop(self, why: str) -> None:
        """Order the service to stop; `why` goes into the exit line. Only the first order counts."""
        if not self._stopping.is_set():
            self._exit_on = why
            self._stopping.set()

    def run(self) -> None:
        """Run until stopped, then shut down in order."""
        poller = _thread("poller", self._poll, self._stopping)
        others = [
            _thread("acknowledger", self._acknowledge, self._leaving),
            _thread("heartbeat", self._beat, self._leaving),
        ]
        if not self._stopping.wait(self._config.max_seconds):
            self.stop("max_seconds")
        logger.info("bridge stopping", extra={"exit_on": self._exit_on})
        poller.join(self._config.wait_seconds + _LAST_CALL_SECONDS)
        self._components.parking.release_all()
        self._components.breakers.leave()
        self._wait_for_leases()
        self._leaving.set()
        for thread in others:
            thread.join(_LAST_CALL_SECONDS)
        self._components.visibility.leave()
        self._components.reporter.note_progress()
        self._components.reporter.at_exit(self._exit_on, len(self._components.leases))

    def _poll(self) -> bool:
        self._components.poller.judge_parked()
        started = time.monotonic()
        allowed = self._components.gate.may_receive(self._config.batch_size)
        if allowed == 0:
            return self._pause(_CLOSED_WAIT_SECONDS)
        demand = self._components.poller.demand(allowed)
        if demand == 0:
            return self._pause(_FULL_WAIT_SECONDS)
        cycle = self._components.poller.cycle(demand)
        self._components.reporter.after_cycle(cycle, time.monotonic() - started)
        if cycle.is_without_work:
            self._components.gate.received_no_work()
        if self._drain and cycle.received == 0 and self._is_drained():
            self.stop("drained")
        # When a whole batch fails, back off: somebody floods the queue. When Redis gets full, the
        # next receive would bring the same messages again.
        if cycle.dispositions[Disposition.REFUSED]:
            return False
        # While a breaker is open, the gate sets the pace.
        is_whole = 0 < cycle.received == cycle.failed
        return not is_whole or bool(self._components.breakers.find_open())

    def _pause(self, seconds: float) -> bool:
        self._components.reporter.note_progress()
        self._stopping.wait(seconds)
        return True

    def _acknowledge(self) -> bool:
        self._components.deleter.work(_ACKNOWLEDGEMENT_WAIT_SECONDS)
        return True

    def _beat(self) -> bool:
        # First: it doesn't need Redis.
        self._components.parking.keep_hidden()
        self._components.visibility.beat()
        self._leaving.wait(self._config.heartbeat_seconds)
        return True

    def _is_drained(self) -> bool:
        """Whether no message is visible, delayed or parked, none of this queue is in flight, and no
        acknowledgement waits.
        """
        if len(self._components.parking):
            return False
        counts = self._components.queue.count()
        return counts.visible == counts.delayed == 0 and self._is_all_acknowledged()

    def _is_all_acknowledged(self) -> bool:
        queue, now_ms = self._components.queue.queue_name, int(time.time() * 1000)
        return (
            self._components.in_flight.count_of(queue, now_ms) == 0
            and self._components.acknowledgements.count(queue) == 0
        )

    def _wait_for_leases(self) -> None:
        """Wait until all messages of this bridge have ended, or the grace period is over."""
        deadline = time.monotonic() + self._config.grace_seconds
        while time.monotonic() < deadline:
            try:
                self._components.visibility.drop_ended()
                if not len(self._components.leases):
                    return
            except REMOTE_ERRORS as error:
                logger.warning("can't tell what ended", extra={"error_type": type(error).__name__})
            time.sleep(_GRACE_CHECK_SECONDS)


def _thread(name: str, step: Callable[[], bool], until: threading.Event) -> threading.Thread:
    thread = threading.Thread(target=run_loop, args=(name, step, until), name=name, daemon=True)
    thread.start()
    return thread
