"""Writes a heartbeat to Redis for each worker process, and for the scheduler.

A worker beats from its own thread while all threads that fetch and run messages are alive; Dramatiq
goes on without one that died. The scheduler beats from a thread, too: from its first periodic
message on, and while the last one is not too old, since it enqueues one every minute. Both remove
their heartbeats when they end in order.

    heartbeat thread   beats every few seconds, until `_stopped`
    worker's main      sets `_stopping` before the worker's threads end, `_stopped` after that
"""

import atexit
import logging
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import dramatiq
from redis.exceptions import RedisError

from bridge.ledger.heartbeats import Heartbeats, Process, Role
from relay.worker.consumer import PERIODIC
from runtime.failures import fields_of

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 5.0

_LIMIT_SECONDS = 20
_LONGEST_PAUSE_SECONDS = 130
"""How long a scheduler may enqueue nothing: twice its minute, and some."""


class SendHeartbeats(dramatiq.Middleware):
    """Beats for the worker or scheduler that it runs in; in the web process, for none."""

    def __init__(self, heartbeats: Heartbeats) -> None:
        self._heartbeats = heartbeats
        self._worker: Process | None = None
        self._scheduler: Process | None = None
        self._enqueued = 0.0
        self._others: set[str] = set()
        self._stopping = threading.Event()
        self._stopped = threading.Event()

    def after_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Start the heartbeat."""
        self._worker = Process(Role.WORKER, _LIMIT_SECONDS)
        thread = threading.Thread(
            target=self._keep_beating, args=(self._worker, worker), name="heartbeat", daemon=True
        )
        thread.start()

    def before_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """From now on, the worker's threads may end."""
        self._stopping.set()

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Remove the heartbeat."""
        self._stopped.set()
        if self._worker is not None:
            self._try(self._heartbeats.leave, self._worker)

    def after_enqueue(self, broker: dramatiq.Broker, message: Any, delay: int | None) -> None:
        """Start the heartbeat of a scheduler, and note its progress."""
        if self._worker is None and PERIODIC in message.options:
            self._enqueued = time.monotonic()
            if self._scheduler is None:
                self._scheduler = Process(Role.SCHEDULER, _LIMIT_SECONDS)
                atexit.register(self._leave, self._scheduler)
                _end_in_order_at_sigterm()
                self._try(self._heartbeats.beat, self._scheduler)
                threading.Thread(
                    target=self._beat_while_enqueuing,
                    args=(self._scheduler,),
                    name="heartbeat",
                    daemon=True,
                ).start()
            self._try(self._warn_of_others, self._scheduler)

    def _leave(self, scheduler: Process) -> None:
        self._stopped.set()
        self._try(self._heartbeats.leave, scheduler)

    def _beat_while_enqueuing(self, scheduler: Process) -> None:
        while not self._stopped.wait(INTERVAL_SECONDS):
            if time.monotonic() - self._enqueued < _LONGEST_PAUSE_SECONDS:
                self._try(self._heartbeats.beat, scheduler)

    def _warn_of_others(self, own: Process) -> None:
        """Warn, once, of each other scheduler that is alive: each job would run twice."""
        for beat in self._heartbeats.find_all():
            other = beat.process
            is_other = other.role is Role.SCHEDULER and other.name != own.name
            if is_other and beat.is_alive and other.name not in self._others:
                self._others.add(other.name)
                logger.error("another scheduler runs", extra={"other": other.name})

    def _keep_beating(self, process: Process, worker: dramatiq.Worker) -> None:
        while not self._stopped.is_set():
            if self._stopping.is_set() or _is_complete(worker):
                self._try(self._heartbeats.beat, process)
            else:
                logger.error("worker has lost a thread")
            self._stopped.wait(INTERVAL_SECONDS)

    def _try(self, act: Callable[[Process], None], process: Process) -> None:
        try:
            act(process)
        except RedisError as error:
            logger.warning("heartbeat not written", extra=fields_of(error))


def _end_in_order_at_sigterm() -> None:
    # periodiq keeps the default handler, which ends the process at once.
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, _end)


def _end(number: int, frame: FrameType | None) -> None:
    sys.exit()


def _is_complete(worker: dramatiq.Worker) -> bool:
    return all(thread.is_alive() for thread in [*worker.consumers.values(), *worker.workers])
