"""What the workers run now, read from Dramatiq's queues and from the story of the messages.

A message that is stored and in no list has been fetched: a worker runs it, or keeps it until one
of its threads is free. The story tells which: an attempt that began and has not ended.

Errors of Redis pass through as `RedisError`.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bridge.ledger import keys
from bridge.ledger.dead_letters import MESSAGES_BATCH, in_batches
from bridge.ledger.story import ATTEMPT_WORDS, Event, find_lines, read_line

if TYPE_CHECKING:
    from redis import Redis

_MARKS = tuple(f"\te\t{word}\t" for word in sorted(ATTEMPT_WORDS))


@dataclass(frozen=True, slots=True)
class Fetched:
    """A message that a worker has fetched, or had fetched when it was killed."""

    queue: str
    message: bytes


def find_fetched(client: "Redis", queues: Sequence[str]) -> list[Fetched]:
    """Find what is fetched from these queues, retries that wait for their time left out."""
    return [
        Fetched(name, message) for name in queues for message in _fetched(client, keys.queue(name))
    ]


def _fetched(client: "Redis", key: str) -> list[bytes]:
    # In this order: what is fetched between the two counts, what is enqueued does not.
    stored: list[Any] = client.hkeys(keys.messages_of(key))
    listed: set[Any] = set(client.lrange(key, 0, -1)) if stored else set()
    found: list[Any] = []
    for batch in in_batches([one for one in stored if one not in listed], MESSAGES_BATCH):
        found += client.hmget(keys.messages_of(key), batch)
    return [message for message in found if message is not None]


def find_last(lines: Iterable[str], message_ids: Collection[str]) -> dict[str, Event]:
    """Find in the story's lines what was told last of each message's attempts. Pure."""
    wanted, found = frozenset(message_ids), dict[str, Event]()
    for line in lines:
        event = read_line(line) if any(mark in line for mark in _MARKS) else None
        if event is not None and event.sqs_message_id in wanted:
            found[event.sqs_message_id] = event
    return found


def find_last_in(client: "Redis", message_ids: Collection[str]) -> dict[str, Event]:
    """Find the same in Redis."""
    return find_last(find_lines(client), message_ids) if message_ids else {}
