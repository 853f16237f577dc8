"""Finds what the workers run, for the command and the page. It costs the workers nothing."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings

from bridge.ledger.retries import find_attempts
from bridge.ledger.running import find_fetched, find_last_in
from relay.operations.dead_letters.filters import QUEUES
from relay.operations.fail_fast import fail_fast_redis
from relay.operations.running import run
from relay.operations.running.run import Run
from relay.operations.stored import sqs_id_of


@dataclass(frozen=True, slots=True)
class Found:
    """What the workers run, the longest first, and how many more they have fetched."""

    runs: list[Run]
    waiting: int
    tells_since: bool

    @property
    def notes(self) -> str:
        """Say what is not in the list; empty if that is nothing."""
        said = []
        if self.waiting:
            said.append(f"{self.waiting:,} more are fetched and wait for a thread.")
        if not self.tells_since:
            said.append("Since when and where they run is not known: TRACE_EVENTS is 0.")
        return " ".join(said)


def find() -> Found:
    """Find what the workers run. Errors of Redis pass through."""
    client = fail_fast_redis(settings.CONFIG.redis_url)
    fetched = find_fetched(client, QUEUES)
    ids = [sqs_id_of(one.message) for one in fetched]
    begun, last = find_attempts(client, ids), find_last_in(client, frozenset(ids) - {""})
    now: Any = client.time()
    now_ms = now[0] * 1000 + now[1] // 1000
    read = [
        run.read(one, count, last.get(message_id), now_ms)
        for one, message_id, count in zip(fetched, ids, begun, strict=True)
    ]
    runs = run.longest_first(one for one in read if one is not None)
    return Found(runs, len(read) - len(runs), settings.CONFIG.trace_events > 0)
