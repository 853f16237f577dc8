"""Gives the messages and the claims of a dead worker process to others at once.

Without it they wait until the process has been silent for long enough: 15 and 20 seconds, each time
that a message beside them kills their worker.

    undertaker thread   looks every second, until `_stopped`
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dramatiq
from redis.exceptions import RedisError

from bridge.ledger import keys
from emails.edges.presence import RedisPresence
from relay.worker.life_locks import LifeLocks
from runtime.presence import PRESENCE, Presence

if TYPE_CHECKING:
    from redis import Redis

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0


class Undertaker(dramatiq.Middleware):
    """Locks a file for the worker process that it runs in, and buries this host's dead ones.

    Comes after `WorkerPresence`, which names the process.
    """

    def __init__(self, client: "Redis", folder: Path, own: Presence = PRESENCE) -> None:
        self._redis = client
        self._locks = LifeLocks(folder)
        self._own = own
        self._presence = RedisPresence(client, own)
        self._stopped = threading.Event()

    def before_worker_boot(self, broker: Any, worker: dramatiq.Worker) -> None:
        """Lock the file, and start to look."""
        with _logging_failure():
            self._locks.hold(self._own.name, broker.broker_id)
            threading.Thread(target=self._keep_looking, name="undertaker", daemon=True).start()

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Look once more, and leave nothing to bury.

        The master stops this process when another one of its own has died.
        """
        self._stopped.set()
        with _logging_failure():
            self.look()
            self._locks.release()

    def look(self) -> None:
        """Bury the dead. Raises `OSError`; what Redis doesn't take now is left to the next look."""
        try:
            for name in self._locks.bury_dead(self._bury):
                logger.warning("worker has died", extra={"worker": name})
        except RedisError as error:
            logger.warning("dead worker not noted", extra={"error_type": type(error).__name__})

    def _keep_looking(self) -> None:
        with _logging_failure():
            while not self._stopped.is_set():
                self.look()
                self._stopped.wait(LOOK_SECONDS)

    def _bury(self, name: str, broker_id: str) -> None:
        # A heartbeat as old as can be: the next command gives the messages to others. Only if it is
        # there: a new one would never be removed.
        self._redis.zadd(keys.BROKER_HEARTBEATS, {broker_id: 0}, xx=True)
        self._presence.note_end_of(name)


@contextmanager
def _logging_failure() -> Iterator[None]:
    """Go on without locks if the folder can't be used: deaths are noticed later then."""
    try:
        yield
    except OSError as error:
        logger.warning("deaths are noticed late", extra={"error_type": type(error).__name__})
