"""Gives what a dead worker process held to others at once, and says what it ran.

Without it, messages and claims wait until the process has been silent for long enough: 15 and 20
seconds, each time that a message beside them kills their worker.

    undertaker thread   looks every second, until `_stopped`
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dramatiq
from redis.exceptions import RedisError

from bridge.ledger import keys
from bridge.ledger.story import UNTOLD, WORKER_DIED, Event, Story, find_begun_by, find_events
from emails.edges.presence import RedisPresence
from relay.worker.life_locks import LifeLocks
from runtime.failures import fields_of
from runtime.presence import PRESENCE, Presence

if TYPE_CHECKING:
    from redis import Redis

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0

_SLACK_SECONDS = 60
"""How much longer than its limit an attempt may be under way: it may have waited alone."""


class Undertaker(dramatiq.Middleware):
    """Locks a file for the worker process that it runs in, and buries this host's dead ones.

    Comes after `WorkerPresence`, which names the process.
    """

    def __init__(
        self,
        client: "Redis",
        folder: Path,
        own: Presence = PRESENCE,
        *,
        story: Story = UNTOLD,
        attempt_seconds: int = 0,
    ) -> None:
        self._redis = client
        self._story = story
        self._attempt_ms = (attempt_seconds + _SLACK_SECONDS) * 1000
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
            self._locks.bury_dead(self._bury)
        except RedisError as error:
            logger.warning("dead worker not noted", extra=fields_of(error))

    def _keep_looking(self) -> None:
        with _logging_failure():
            while not self._stopped.is_set():
                self.look()
                self._stopped.wait(LOOK_SECONDS)

    def _bury(self, name: str, broker_id: str) -> None:
        ran = self._find_what_ran(name)
        # A heartbeat as old as can be: the next command gives the messages to others. Only if it is
        # there: a new one would never be removed.
        self._redis.zadd(keys.BROKER_HEARTBEATS, {broker_id: 0}, xx=True)
        self._presence.note_end_of(name)
        self._story.tell(self._redis, [Event(0, WORKER_DIED, one, detail=name) for one in ran])
        logger.warning("worker has died", extra={"worker": name, "sqs_message_ids": ran})

    def _find_what_ran(self, name: str) -> list[str]:
        """Find it before others begin it again. Not to know it must not keep it from them."""
        with suppress(RedisError):
            now: Any = self._redis.time()
            recent = find_events(self._redis, now[0] * 1000 - self._attempt_ms)
            return find_begun_by(name, recent)
        return []


@contextmanager
def _logging_failure() -> Iterator[None]:
    """Go on without locks if the folder can't be used: deaths are noticed later then."""
    try:
        yield
    except OSError as error:
        logger.warning("deaths are noticed late", extra=fields_of(error))
