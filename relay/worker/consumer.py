"""Dramatiq's consumer of a queue in Redis, made to poll less often and to recover lost messages.

Redis records what a process has fetched until the process acknowledges it or dies. An entry that no
consumer of a live process knows about would never be processed: the answer to its fetch was lost,
or its consumer failed while the message waited for its retry. So each consumer looks for such
entries regularly and puts them back.

    consumer thread   fetches and recovers, only when all that it fetched before is handed out
    worker threads    acknowledge in Redis first, then in `_fetched`. So an entry that the consumer
                      finds in Redis but not in `_fetched` is lost, or was acknowledged just now; in
                      that case Redis does not put it back.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import dramatiq
import markus
from dramatiq.brokers.redis import RedisBroker, _RedisConsumer
from dramatiq.common import compute_backoff, current_millis, dq_name, q_name
from dramatiq.errors import ConnectionClosed
from redis.exceptions import RedisError

from bridge.ledger import keys
from bridge.ledger.dead_letter_limit import DeadLetterLimit
from emails.wire import BULK_QUEUE, INBOUND_QUEUE
from relay.needs import NEEDED
from relay.worker.encoder import UNREADABLE_ACTOR
from relay.worker.patience import patiently
from runtime.breakers import Breakers
from runtime.controls.store import ControlStore
from runtime.controls.values import Action
from runtime.controls.watch import ControlWatch
from runtime.dependencies import Dependency
from runtime.failures import fields_of
from runtime.seals import Seals

logger = logging.getLogger(__name__)
metrics = markus.get_metrics("operations")

_BULK_TIMEOUT_MS = 250
"""How long the queue may sleep, in which mail waits that others go before."""

_UNHURRIED_TIMEOUT_MS = 500
"""How long the queues without mail may sleep: bounces, periodic jobs, and retries, which wait at
least two seconds anyway."""

PERIODIC = "scheduled_at"
"""The option by which periodiq marks its messages."""

PROBE = "probe"
"""The option of a message that probes what has an open breaker."""

ENTRY_REMOVED = "entry_removed"
"""The option of a message whose queue entry is gone from Redis, together with its acknowledgement.
It is not stored: nobody enqueues such a message again."""

RECOVER_SECONDS = 15.0
"""How often to look for lost messages; a new consumer, made after an error, looks at once."""


class RecoveringConsumer(_RedisConsumer):
    """Fetches when a quarter of its prefetch is free.

    Dramatiq's own consumer fetches after each acknowledgement, which under load is a round trip per
    message. A worker prefetches two messages per thread, so enough is left for its threads
    meanwhile.
    """

    def __init__(
        self,
        broker: "RecoveringBroker",
        queue_name: str,
        prefetch: int,
        timeout: int,
        fetched: set[str],
    ) -> None:
        super().__init__(broker, queue_name, prefetch, timeout)  # type: ignore[no-untyped-call]
        self._fetched = fetched
        self._breakers = broker.breakers
        self._controls = broker.controls
        self._needed = NEEDED.get(queue_name, frozenset())
        self._recover_at = 0.0

    def __next__(self) -> Any:
        """Return a message, or None after a while without one."""
        with _as_connection_closed():
            if not self.message_cache and time.monotonic() >= self._recover_at:
                self._recover_at = time.monotonic() + RECOVER_SECONDS
                self._recover_lost()
            return self._remember(self._fetch())

    def _fetch(self) -> Any:
        """Fetch what there is room for; while a breaker is open, one message as a probe.

        No mail while sending is paused.
        """
        if Dependency.SES in self._needed and self._controls.is_paused(Action.PAUSE_SENDING):
            return self._wait()
        free: int = self.prefetch - self.outstanding_message_count
        open_ones = self._needed & self._breakers.find_open().keys()
        if not open_ones:
            is_due = self.message_cache or free * 4 >= self.prefetch
            return super().__next__() if is_due else self._wait()  # type: ignore[no-untyped-call]
        # Each that may be probed now: the one message asks all that it needs.
        probes = [one for one in open_ones if self._breakers.take_probe(one)]
        return self._fetch_probe() if probes else self._wait()

    def _fetch_probe(self) -> Any:
        prefetch, self.prefetch = self.prefetch, self.outstanding_message_count + 1
        try:
            message = super().__next__()  # type: ignore[no-untyped-call]
        finally:
            self.prefetch = prefetch
        if message is None:
            self._breakers.give_back_probes()
        else:
            message.options[PROBE] = True
        return message

    def _wait(self) -> None:
        self.misses, backoff_ms = compute_backoff(self.misses, max_backoff=self.timeout)
        time.sleep(backoff_ms / 1000)

    def ack(self, message: Any) -> None:
        """Acknowledge the message in Redis, unless that was done with its SQS message."""
        if message.options.get(ENTRY_REMOVED):
            self.queued_message_ids.discard(message.message_id)
            self._fetched.discard(message.options["redis_message_id"])
        else:
            self._end(message, super().ack)

    def nack(self, message: Any) -> None:
        """Move the message to the dead letters."""
        self._end(message, super().nack)

    def requeue(self, messages: Any) -> None:
        """Put back messages that were not begun. Dramatiq survives only ConnectionClosed here."""
        with _as_connection_closed():
            super().requeue(messages)  # type: ignore[no-untyped-call]

    def _remember(self, message: Any) -> Any:
        if message is not None:
            self._fetched.add(message.options["redis_message_id"])
        return message

    def _end(self, message: Any, act: Callable[[Any], None]) -> None:
        with _as_connection_closed():
            act(message)
        self._fetched.discard(message.options["redis_message_id"])

    def _recover_lost(self) -> None:
        broker = self.broker
        recorded = broker.client.smembers(keys.fetched(broker.broker_id, self.queue_name))
        lost = sorted({one.decode() for one in recorded} - self._fetched)
        if not lost:
            return
        stored = broker.client.hmget(f"{broker.namespace}:{self.queue_name}.msgs", lost)
        unreadable = {
            one for one, data in zip(lost, stored, strict=True) if data and _is_unreadable(data)
        }
        # Its id can't be decoded, so a worker could not acknowledge it.
        for one in unreadable:
            broker.do_nack(self.queue_name, one)
        self.logger.warning("Putting back %d messages that nobody works on.", len(lost))
        broker.do_requeue(self.queue_name, *lost)


class RecoveringBroker(RedisBroker):
    """A broker with these consumers. Only the queue of mails is polled at the worker's own rate."""

    def __init__(
        self,
        *,
        breakers: Breakers | None = None,
        controls: ControlWatch | None = None,
        dead_letter_limit: DeadLetterLimit | None = None,
        **parameters: Any,
    ) -> None:
        super().__init__(namespace=keys.NAMESPACE, **parameters)  # type: ignore[no-untyped-call]
        self._dead_letter_limit = dead_letter_limit or DeadLetterLimit(self.client)
        self.breakers = breakers or Breakers(self.client)
        self.controls = controls or ControlWatch(ControlStore(self.client, Seals(())))
        self._fetched: dict[str, set[str]] = {}

    def enqueue(self, message: Any, *, delay: int | None = None) -> Any:
        """Enqueue a message, as Dramatiq does, but with three exceptions.

        While Redis refuses: with a delay it is the next attempt of a message whose last one has
        ended, so wait for Redis; a periodic job is left out: periodiq would end, and the next
        minute brings another. And a message whose time has come, but that runs already, is dropped.
        """
        if delay is not None:
            return patiently(lambda: self._enqueue(message, delay), "retry")
        try:
            if self._runs_already(message):
                return message
            return self._enqueue(message, delay)
        except RedisError as error:
            if PERIODIC not in message.options or "retries" in message.options:
                raise
            logger.warning(
                "periodic job left out",
                extra={"actor": message.actor_name, **fields_of(error)},
            )
            return message

    def do_nack(self, queue_name: str, dead_letter_id: str) -> None:
        """Make a message a dead letter, in place of Dramatiq's step of this name."""
        dropped = self._dead_letter_limit.bury(
            dead_letter_id,
            queue=q_name(queue_name),
            fetched_from=queue_name,
            broker_id=self.broker_id,
            now_ms=current_millis(),
        )
        for sqs_message_id in dropped:
            metrics.incr("dead_letters_dropped")
            logger.warning("dead letter dropped", extra={"sqs_message_id": sqs_message_id})

    def _enqueue(self, message: Any, delay: int | None) -> Any:
        return super().enqueue(message, delay=delay)

    def _runs_already(self, message: Any) -> bool:
        """Return whether an operator let a message run that a consumer here kept for its time."""
        entry, delayed = message.options.get("redis_message_id"), dq_name(message.queue_name)
        if entry not in self._fetched.get(delayed, ()):
            return False
        return not self.client.hexists(keys.messages_of(keys.queue(delayed)), entry)

    def consume(
        self, queue_name: str, prefetch: int = 1, timeout: int = 5000
    ) -> RecoveringConsumer:
        """Make a consumer; `timeout` is how long it may sleep, in ms.

        After an error Dramatiq makes a new one. Messages that the old one handed out are still
        being processed; those it delayed are forgotten by Dramatiq.
        """
        if queue_name == BULK_QUEUE:
            timeout = max(timeout, _BULK_TIMEOUT_MS)
        elif queue_name != INBOUND_QUEUE:
            timeout = max(timeout, _UNHURRIED_TIMEOUT_MS)
        if queue_name in self.delay_queues:
            self._fetched.pop(queue_name, None)
        fetched = self._fetched.setdefault(queue_name, set())
        return RecoveringConsumer(self, queue_name, prefetch, timeout, fetched)


def _is_unreadable(data: bytes) -> bool:
    return dramatiq.Message.decode(data).actor_name == UNREADABLE_ACTOR


@contextmanager
def _as_connection_closed() -> Iterator[None]:
    """Raise every error of Redis as the one that Dramatiq expects, so that it waits and retries.

    Dramatiq handles only redis-py's ConnectionError. On a timeout or a full Redis it loses a
    thread, or forgets to acknowledge.
    """
    try:
        yield
    except RedisError as error:
        raise ConnectionClosed(error) from None  # type: ignore[no-untyped-call]
