"""Dramatiq's consumer of a queue in Redis: it asks less often, and loses sight of nothing.

Redis notes what a process has fetched, until the process acknowledges it or is dead. What stands
there and is known to nobody in a living process waits for ever: the answer to its fetch was lost,
or its consumer met an error while it waited for its retry. So each consumer looks for such now and
then, and puts it back.

    consumer thread   fetches and looks, both only when all that it fetched before is handed out
    worker threads    acknowledge: first in Redis, then in what is held; so what the consumer finds
                      in Redis and not among what is held is lost, or was acknowledged just now, and
                      then Redis does not put it back
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import dramatiq
from dramatiq.brokers.redis import RedisBroker, _RedisConsumer
from dramatiq.common import compute_backoff
from dramatiq.errors import ConnectionClosed
from redis.exceptions import RedisError

from emails.wire import INBOUND_QUEUE
from relay.worker.encoder import UNREADABLE_ACTOR

_PATIENT_TIMEOUT_MS = 500
"""How late what is not a mail may be: a bounce, a periodic job, or a retry, which waits two seconds
at least. Nobody sees that."""

LOOK_SECONDS = 15.0
"""How often to look for what was lost; at once after an error, with a new consumer."""


class RecoveringConsumer(_RedisConsumer):
    """Fetches when a quarter of what it may hold is free.

    Dramatiq's own fetches as soon as one message was acknowledged: under load, a round trip for
    each. As a worker prefetches two messages a thread, enough for half of its threads waits still.
    """

    def __init__(
        self,
        broker: "RecoveringBroker",
        queue_name: str,
        prefetch: int,
        timeout: int,
        held: set[str],
    ) -> None:
        super().__init__(broker, queue_name, prefetch, timeout)  # type: ignore[no-untyped-call]
        self._held = held
        self._look_at = 0.0

    def __next__(self) -> Any:
        """Give a message, or None after a while without one."""
        with _as_closed():
            if not self.message_cache and time.monotonic() >= self._look_at:
                self._look_at = time.monotonic() + LOOK_SECONDS
                self._put_back_lost()
            free = self.prefetch - self.outstanding_message_count
            if self.message_cache or free * 4 >= self.prefetch:
                return self._hold(super().__next__())  # type: ignore[no-untyped-call]
        self.misses, backoff_ms = compute_backoff(self.misses, max_backoff=self.timeout)
        time.sleep(backoff_ms / 1000)
        return None

    def ack(self, message: Any) -> None:
        """Tell Redis that the message was carried out."""
        self._end(message, super().ack)

    def nack(self, message: Any) -> None:
        """Move the message to the dead letters."""
        self._end(message, super().nack)

    def requeue(self, messages: Any) -> None:
        """Put back what was not begun. Dramatiq survives no other error here than this one."""
        with _as_closed():
            super().requeue(messages)  # type: ignore[no-untyped-call]

    def _hold(self, message: Any) -> Any:
        if message is not None:
            self._held.add(message.options["redis_message_id"])
        return message

    def _end(self, message: Any, tell: Callable[[Any], None]) -> None:
        with _as_closed():
            tell(message)
        self._held.discard(message.options["redis_message_id"])

    def _put_back_lost(self) -> None:
        broker = self.broker
        fetched = broker.client.smembers(
            f"{broker.namespace}:__acks__.{broker.broker_id}.{self.queue_name}"
        )
        lost = sorted({one.decode() for one in fetched} - self._held)
        if not lost:
            return
        stored = broker.client.hmget(f"{broker.namespace}:{self.queue_name}.msgs", lost)
        unreadable = {
            one for one, data in zip(lost, stored, strict=True) if data and _is_unreadable(data)
        }
        # Its id can't be read out of it, so whoever worked it off could not name it to Redis.
        for one in unreadable:
            broker.do_nack(self.queue_name, one)
        self.logger.warning("Putting back %d messages that nobody works on.", len(lost))
        broker.do_requeue(self.queue_name, *lost)


class RecoveringBroker(RedisBroker):
    """A broker with these consumers. Only for mails they look as often as the worker wants."""

    def __init__(self, **parameters: Any) -> None:
        super().__init__(**parameters)  # type: ignore[no-untyped-call]
        self._held: dict[str, set[str]] = {}

    def consume(
        self, queue_name: str, prefetch: int = 1, timeout: int = 5000
    ) -> RecoveringConsumer:
        """Make a consumer; `timeout` is how long it may sleep, in ms.

        After an error Dramatiq makes a new one. What the one before has handed out is worked on
        still; but what it delayed, Dramatiq has forgotten.
        """
        if queue_name != INBOUND_QUEUE:
            timeout = max(timeout, _PATIENT_TIMEOUT_MS)
        if queue_name in self.delay_queues:
            self._held.pop(queue_name, None)
        held = self._held.setdefault(queue_name, set())
        return RecoveringConsumer(self, queue_name, prefetch, timeout, held)


def _is_unreadable(data: bytes) -> bool:
    return dramatiq.Message.decode(data).actor_name == UNREADABLE_ACTOR


@contextmanager
def _as_closed() -> Iterator[None]:
    """Let each error of Redis be one that Dramatiq expects: it waits then, and tries again.

    It knows redis-py's ConnectionError alone. Of a timeout, or of a Redis that is full, it dies in
    part, or forgets to acknowledge.
    """
    try:
        yield
    except RedisError as error:
        raise ConnectionClosed(error) from None  # type: ignore[no-untyped-call]
