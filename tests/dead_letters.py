"""Creates dead letters in Redis, as Dramatiq and our middleware leave them."""

import time
from collections.abc import Callable
from typing import Any, cast

import redis

from bridge.ledger import keys
from bridge.ledger.dead_letters import DEAD_LETTER_TTL_MS
from tests.unit.operations.builders import stored

Bury = Callable[..., str]


def burying_in(client: redis.Redis) -> Bury:
    """Return a function that adds a dead letter to its queue's and returns its id."""
    number = iter(range(1_000_000))

    def lay(
        *,
        reason: str | None = "refused:mail_missing",
        queue: str = "inbound",
        minutes_ago: float = 0,
        dead_letter_id: str | None = None,
        sqs_message_id: str | None = None,
        sent_days_ago: float = 0,
        **message: Any,
    ) -> str:
        n, now_ms = next(number), int(time.time() * 1000)
        dead_letter_id = dead_letter_id or f"dead-{n:04}"
        sqs_message_id = sqs_message_id or f"sqs-{n:04}"
        message.setdefault("sent_at_ms", int(now_ms - sent_days_ago * 86_400_000) - 1000)
        place = keys.dead_letters(queue)
        body = stored(dead_letter_id, sqs_message_id, **message)
        client.hset(keys.messages_of(place), dead_letter_id, body)
        client.zadd(place, {dead_letter_id: now_ms - int(minutes_ago * 60_000)})
        if reason is not None:
            client.set(keys.reason_of(dead_letter_id), reason, px=DEAD_LETTER_TTL_MS)
        client.set(keys.dead_letter_of(sqs_message_id), dead_letter_id, px=DEAD_LETTER_TTL_MS)
        return dead_letter_id

    return lay


def queued(client: redis.Redis, queue: str = "inbound") -> int:
    """Return the number of queued messages."""
    return int(client.llen(keys.queue(queue)))


def dead(client: redis.Redis, queue: str = "inbound") -> list[str]:
    """Return the ids of a queue's dead letters, oldest first."""
    found = cast("list[bytes]", client.zrange(keys.dead_letters(queue), 0, -1))
    return [name.decode() for name in found]
