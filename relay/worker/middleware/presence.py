"""Lets other workers know when this one has died, so that they take its claims over at once.

Two signs together mean death (docs/delivery.md): the process is silent in Redis, and it has no
connection to the database. So its connections carry its name, and it beats in Redis from a thread
of its own.

    presence thread   beats every few seconds, until `_stopped`
    worker threads    look, before a send, whether the last beat is recent
"""

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import dramatiq
from redis.exceptions import RedisError

from emails.edges import send_notes
from emails.edges.presence import RedisPresence
from emails.store.database import name_connections
from runtime.failures import fields_of
from runtime.presence import PRESENCE, Presence

if TYPE_CHECKING:
    from redis import Redis

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 5.0


class WorkerPresence(dramatiq.Middleware):
    """Beats for the worker process that it runs in; does nothing in other processes."""

    def __init__(self, client: "Redis", own: Presence = PRESENCE) -> None:
        self._own = own
        self._presence = RedisPresence(client, own)
        self._redis = client
        self._stopped = threading.Event()

    def before_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Take a name, and start to beat. What is sent from now on, Redis has notes of."""
        self._own.begin()
        name_connections(self._own.name)
        self._try(lambda: send_notes.begin(self._redis))
        self._try(self._presence.beat)
        threading.Thread(target=self._keep_beating, name="presence", daemon=True).start()

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Stop beating, now that all messages have ended."""
        self._stopped.set()
        try:
            self._presence.leave()
        except RedisError as error:
            logger.warning("presence not removed", extra=fields_of(error))

    def _keep_beating(self) -> None:
        while not self._stopped.wait(INTERVAL_SECONDS):
            self._try(self._presence.beat)

    def _try(self, note: Callable[[], object]) -> None:
        try:
            note()
        except RedisError as error:
            logger.warning("presence not noted", extra=fields_of(error))
