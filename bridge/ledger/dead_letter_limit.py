"""How many dead letters Redis keeps, and how large they may be together: the oldest are dropped.

While something refuses every mail, dead letters come as fast as mails do, and would fill Redis. Of
a dropped one nothing is lost but its note: SQS still has its message, in the queue or in its
dead-letter queue, unless the operator has failed messages deleted.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from redis.exceptions import RedisError

from bridge.ledger import keys
from bridge.ledger.scripts import script
from emails.wire import BULK_QUEUE, DEFAULT_QUEUE, FEEDBACK_QUEUE, INBOUND_QUEUE

if TYPE_CHECKING:
    from redis import Redis

MAX_NUMBER = 10_000
MAX_BYTES = 64 * 1024 * 1024

_QUEUES = (INBOUND_QUEUE, BULK_QUEUE, FEEDBACK_QUEUE, DEFAULT_QUEUE)
_MOST_OF_THE_MEMORY = 0.25
_MEMORY_CHECK_SECONDS = 60.0

_MOST_DROPPED = 100
"""By one call, so that none takes long, even after a limit was lowered."""


class DeadLetterLimit:
    """The limits, which every message that dies keeps to. Errors of Redis pass through.

    `max_bytes` counts the messages; Redis needs about 750 bytes more for each. They never get more
    than a quarter of Redis's `maxmemory`.
    """

    def __init__(
        self,
        client: "Redis",
        max_number: int = MAX_NUMBER,
        max_bytes: int = MAX_BYTES,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis = client
        self._max_number = max_number
        self._max_bytes = max_bytes
        self._clock = clock
        self._fitting_bytes = max_bytes
        self._checked_at = float("-inf")
        self._bury = script(client, "dead_letters", "bury")

    def bury(
        self, dead_letter_id: str, *, queue: str, fetched_from: str, broker_id: str, now_ms: int
    ) -> list[str]:
        """Make a message that a worker's process fetched a dead letter of `queue`.

        Returns the SQS message ids of those that were dropped for it; '' for one that has none.
        """
        letters = [keys.dead_letters(one) for one in dict.fromkeys((queue, *_QUEUES))]
        dropped = self._bury(
            keys=[
                keys.fetched(broker_id, fetched_from),
                keys.messages_of(keys.queue(fetched_from)),
                keys.DEAD_LETTER_BYTES,
                *(key for one in letters for key in (one, keys.messages_of(one))),
            ],
            args=[
                *(dead_letter_id, now_ms),
                *(self._max_number, self._bytes_that_fit(), _MOST_DROPPED),
                *(keys.reason_of(""), keys.dead_letter_of("")),
            ],
        )
        return [sqs_message_id.decode() for sqs_message_id in cast("list[bytes]", dropped)]

    def _bytes_that_fit(self) -> int:
        now = self._clock()
        if now - self._checked_at >= _MEMORY_CHECK_SECONDS:
            self._checked_at = now
            with suppress(RedisError):  # without an answer, what was known before holds
                memory: dict[str, int] = self._redis.info("memory")
                share = int(memory.get("maxmemory", 0) * _MOST_OF_THE_MEMORY)
                self._fitting_bytes = min(self._max_bytes, share or self._max_bytes)
        return self._fitting_bytes


def count_bytes_anew(client: "Redis") -> None:
    """Correct the number of bytes that the scripts count. Takes Redis some milliseconds."""
    count = script(client, "count_dead_letter_bytes")
    for queue in _QUEUES:
        count(keys=[keys.DEAD_LETTER_BYTES, keys.messages_of(keys.dead_letters(queue))])


def find_bytes(client: "Redis") -> int:
    """Find how many bytes the dead letters of all queues have."""
    counts = cast("list[bytes]", client.hvals(keys.DEAD_LETTER_BYTES))
    return max(0, sum(int(count) for count in counts))
