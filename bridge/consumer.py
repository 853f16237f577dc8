"""Dramatiq's consumer of a queue in Redis, made to ask Redis less often."""

import time
from typing import Any

from dramatiq.brokers.redis import RedisBroker, _RedisConsumer
from dramatiq.common import compute_backoff

from emails.wire import INBOUND_QUEUE

_PATIENT_TIMEOUT_MS = 500
"""How late what is not a mail may be: a bounce, a periodic job, or a retry, which waits two seconds
at least. Nobody sees that."""


class FrugalConsumer(_RedisConsumer):
    """Fetches when a quarter of what it may hold is free.

    Dramatiq's own fetches as soon as one message was acknowledged: under load, a round trip for
    each. As a worker prefetches two messages a thread, enough for half of its threads waits still.
    """

    def __next__(self) -> Any:
        """Give a message, or None after a while without one."""
        free = self.prefetch - self.outstanding_message_count
        if self.message_cache or free * 4 >= self.prefetch:
            return super().__next__()  # type: ignore[no-untyped-call]
        self.misses, backoff_ms = compute_backoff(self.misses, max_backoff=self.timeout)
        time.sleep(backoff_ms / 1000)
        return None


class FrugalBroker(RedisBroker):
    """A broker with these consumers. Only for mails they look as often as the worker wants."""

    @property
    def consumer_class(self) -> type[FrugalConsumer]:
        """Give the class of the consumers."""
        return FrugalConsumer

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> Any:
        """Make a consumer; `timeout` is how long it may sleep, in ms."""
        if queue_name != INBOUND_QUEUE:
            timeout = max(timeout, _PATIENT_TIMEOUT_MS)
        return super().consume(queue_name, prefetch, timeout)
