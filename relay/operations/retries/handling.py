"""Finds what is being retried, for the command and the page."""

import time
from collections import Counter
from dataclasses import dataclass

from django.conf import settings

from bridge.ledger.failure_reasons import is_reason
from bridge.ledger.retries import count_stored, find_attempts, find_left_in, find_stored
from relay.operations.dead_letters.filters import QUEUES
from relay.operations.fail_fast import fail_fast_redis
from relay.operations.retries import retry
from relay.operations.retries.retry import Retry
from relay.operations.stored import sqs_id_of

MOST_READ = 5_000
"""How many messages are read for one list. Redis has no more than may be in flight, and jobs."""


@dataclass(frozen=True, slots=True)
class Found:
    """What is being retried, the longest first. `looked_at`: only so many of `stored` were read.

    `tells_of_bridges`: what bridges have set aside is among them; without a story nobody knows.
    """

    retries: list[Retry]
    looked_at: int
    stored: int
    tells_of_bridges: bool

    def counted(self) -> list[tuple[str, int]]:
        """Return how many have each reason, the most frequent first."""
        return Counter(one.reason for one in self.retries).most_common()

    def of(self, reason: str) -> list[Retry]:
        """Return those with this reason; without one, all."""
        return [one for one in self.retries if not reason or is_reason(one.reason, reason)]

    @property
    def left_out(self) -> str:
        """Say what is missing here; empty if nothing is."""
        said = []
        if self.looked_at < self.stored:
            said.append(f"Only {self.looked_at:,} of {self.stored:,} messages in Redis were read.")
        if not self.tells_of_bridges:
            said.append("What bridges have set aside is not known: TRACE_EVENTS is 0.")
        return " ".join(said)


def find() -> Found:
    """Find what is being retried. Errors of Redis pass through."""
    client = fail_fast_redis(settings.CONFIG.redis_url)
    number = count_stored(client, QUEUES)
    stored = list(find_stored(client, QUEUES, MOST_READ))
    begun = find_attempts(client, [sqs_id_of(one.message) for one in stored])
    # A message may be in two places for a moment: its delayed entry was read first.
    found: dict[str, Retry] = {}
    for left in find_left_in(client, int(time.time() * 1000)):
        found[left.sqs_message_id] = retry.read_left(left)
    for one, attempts in reversed(list(zip(stored, begun, strict=True))):
        if (read := retry.read(one, attempts)) is not None:
            found[read.id] = read
    is_cut = number > MOST_READ
    return Found(
        retry.oldest_first(found.values()),
        looked_at=len(stored) if is_cut else number,
        stored=number,
        tells_of_bridges=settings.CONFIG.trace_events > 0,
    )
