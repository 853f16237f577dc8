"""The running bridge: three loops side by side, and how they end.

    poller         demand, receive, verify, dispatch; logs cycles, writes the health file
    acknowledger   acknowledgements → batched deletes
    heartbeat      extends the visibility of messages in flight, and of what is parked or waits
    main thread    waits for the order to stop, then for the other threads

The overflow queue, if there is one, has three of its own, with parts of their own.

They share the queue (boto3's clients are thread-safe), the connection pool to Redis, and `Leases`,
`Parking`, `Waiting` and `Totals`, which have locks. On the order to stop, the poller finishes the
receive that is under way and releases what it brings; then what is parked or waits is released. The
other two go on until everything that this bridge dispatched has ended, or the grace period is over.
The workers finish what is in flight after that; another bridge deletes it, or this one after a
restart.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

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
from bridge.waiting import Waiting
from runtime.failures import fields_of

logger = logging.getLogger(__name__)

_FULL_WAIT_SECONDS = 0.05
_CLOSED_WAIT_SECONDS = 0.5
_ACKNOWLEDGEMENT_WAIT_SECONDS = 1.0
_GRACE_CHECK_SECONDS = 0.1
_LAST_CALL_SECONDS = 15.0
"""How long a call that is under way at shutdown may still take."""


@dataclass(frozen=True, slots=True)
class Components:
    """The parts that serve one queue. `reporter` and `overflow` are the main queue's."""

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
    reporter: Reporter | None = None
    waiting: Waiting | None = None
    overflow: "Components | None" = None


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
        self._queues = [one for one in (components, components.overflow) if one is not None]
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
        pollers = [
            _thread(f"{name}poller", partial(self._poll, parts), self._stopping)
            for name, parts in self._named()
        ]
        others = [
            _thread(f"{name}{loop}", partial(step, parts), self._leaving)
            for name, parts in self._named()
            for loop, step in (("acknowledger", self._acknowledge), ("heartbeat", self._beat))
        ]
        if not self._stopping.wait(self._config.max_seconds):
            self.stop("max_seconds")
        logger.info("bridge stopping", extra={"exit_on": self._exit_on})
        for poller, parts in zip(pollers, self._queues, strict=True):
            poller.join(self._config.wait_seconds + _LAST_CALL_SECONDS)
            parts.parking.release_all()
            parts.poller.close()
            if parts.waiting is not None:
                parts.waiting.release_all()
            parts.breakers.leave()
        self._wait_for_leases()
        self._leaving.set()
        for thread in others:
            thread.join(_LAST_CALL_SECONDS)
        for parts in self._queues:
            parts.visibility.leave()
        left = sum(len(parts.leases) for parts in self._queues)
        for reporter in (parts.reporter for parts in self._queues if parts.reporter):
            reporter.note_progress()
            reporter.at_exit(self._exit_on, left)

    def _named(self) -> Iterator[tuple[str, Components]]:
        return zip(("", "overflow "), self._queues, strict=False)

    def _poll(self, parts: Components) -> bool:
        parts.poller.judge_parked()
        started = time.monotonic()
        allowed = parts.gate.allow(
            self._config.batch_size * parts.poller.calls,
            has_overflow=parts.waiting is not None and parts is self._queues[0],
        )
        retried = parts.poller.retry(allowed.mails)
        if allowed.messages == 0:
            return self._pause(parts, _CLOSED_WAIT_SECONDS)
        demand = parts.poller.demand(allowed.messages)
        if demand == 0:
            return self._pause(parts, _FULL_WAIT_SECONDS)
        mails = None if allowed.mails is None else max(0, allowed.mails - retried)
        cycle = parts.poller.cycle(demand, mails)
        if parts.reporter is not None:
            parts.reporter.after_cycle(cycle, time.monotonic() - started)
        if cycle.is_no_probe:
            parts.gate.received_no_probe()
        if self._drain and cycle.received == 0 and self._is_drained():
            self.stop("drained")
        # When Redis gets full, the next receive would bring the same messages again.
        if cycle.dispositions[Disposition.REFUSED]:
            return False
        # What is rejected stays hidden for a while; good mail may be behind it, and must not wait.
        failed = cycle.failed - cycle.dispositions[Disposition.REJECTED]
        # While a breaker is open, the gate sets the pace.
        return not 0 < cycle.received == failed or bool(parts.breakers.find_open())

    def _pause(self, parts: Components, seconds: float) -> bool:
        if parts.reporter is not None:
            parts.reporter.note_progress()
        self._stopping.wait(seconds)
        return True

    def _acknowledge(self, parts: Components) -> bool:
        parts.deleter.work(_ACKNOWLEDGEMENT_WAIT_SECONDS)
        return True

    def _beat(self, parts: Components) -> bool:
        # First: they don't need Redis.
        parts.parking.keep_hidden()
        if parts.waiting is not None:
            parts.waiting.keep_hidden()
        parts.visibility.beat()
        self._leaving.wait(self._config.heartbeat_seconds)
        return True

    def _is_drained(self) -> bool:
        """Whether no message is visible, delayed, parked or waiting, none of these queues is in
        flight, and no acknowledgement waits.
        """
        return all(map(_is_empty, self._queues))

    def _wait_for_leases(self) -> None:
        """Wait until all messages of this bridge have ended, or the grace period is over."""
        deadline = time.monotonic() + self._config.grace_seconds
        while time.monotonic() < deadline:
            try:
                for parts in self._queues:
                    parts.visibility.drop_ended()
                if not any(len(parts.leases) for parts in self._queues):
                    return
            except REMOTE_ERRORS as error:
                logger.warning("can't tell what ended", extra=fields_of(error))
            time.sleep(_GRACE_CHECK_SECONDS)


def _is_empty(parts: Components) -> bool:
    if len(parts.parking) or (parts.waiting is not None and not parts.waiting.is_empty):
        return False
    counts, queue = parts.queue.count(), parts.queue.queue_name
    return (
        counts.visible == counts.delayed == 0
        and parts.in_flight.count_of(queue, int(time.time() * 1000)) == 0
        and parts.acknowledgements.count(queue) == 0
    )


def _thread(name: str, step: Callable[[], bool], until: threading.Event) -> threading.Thread:
    thread = threading.Thread(target=run_loop, args=(name, step, until), name=name, daemon=True)
    thread.start()
    return thread
